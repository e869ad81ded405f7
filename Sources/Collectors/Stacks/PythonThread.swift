/// A Python thread's stack, as py-spy gives it.
public struct PythonThread: Sendable, Hashable {
    /// One call, the innermost first in its thread.
    public struct Frame: Sendable, Hashable {
        public var function: String
        /// Relative to the module path where that is known: `torch/distributed/distributed_c10d.py`.
        public var file: String
        /// 0 if unknown.
        public var line: Int

        public init(function: String, file: String, line: Int) {
            self.function = function
            self.file = file
            self.line = line
        }
    }

    /// `nil` if Python does not know it (yet).
    public var name: String?
    /// The kernel's id of the thread; `nil` where py-spy cannot tell.
    public var osID: Int?
    /// Whether it was on a processor, and not waiting.
    public var isActive: Bool
    /// Whether it held Python's global lock.
    public var ownsGIL: Bool
    public var frames: [Frame]

    public init(name: String?, osID: Int?, isActive: Bool, ownsGIL: Bool, frames: [Frame]) {
        self.name = name
        self.osID = osID
        self.isActive = isActive
        self.ownsGIL = ownsGIL
        self.frames = frames
    }
}
