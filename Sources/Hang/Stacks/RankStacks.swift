/// One call on a stack.
package struct StackFrame: Hashable, Sendable, Codable {
    /// The function's name, `<module>` at the top level; of a kernel or native frame, its symbol.
    package var function: String
    /// The source file as the tool gave it; empty if unknown.
    package var file: String
    /// From 1; 0 if unknown.
    package var line: Int

    package init(function: String, file: String = "", line: Int = 0) {
        self.function = function
        self.file = file
        self.line = line
    }
}

/// One thread of a rank at one time.
package struct ThreadStack: Hashable, Sendable, Codable {
    /// `MainThread`, or what the program or the kernel calls it; `nil` if unknown.
    package var name: String?
    /// The kernel's id; `nil` if unknown.
    package var osID: Int?
    /// Whether it is the thread in which the program began. `nil` if unknown.
    package var isMain: Bool?
    /// Whether it ran on a processor. `nil` if unknown.
    package var isActive: Bool?
    /// Whether it held Python's global lock. `nil` if unknown.
    package var ownsGIL: Bool?
    /// One letter, as in `/proc/PID/stat`; `nil` if unknown.
    package var state: String?
    /// The kernel function that it waits in; `nil` if in none or unknown.
    package var waitChannel: String?
    /// The system call that it is in, by name where it is known; `nil` if in none or unknown.
    package var systemCall: String?
    /// Python's frames, or native ones among them, innermost first.
    package var frames: [StackFrame]
    /// The kernel's frames, innermost first; empty where they are unknown.
    package var kernelFrames: [String]

    package init(name: String? = nil, osID: Int? = nil, isMain: Bool? = nil, frames: [StackFrame] = []) {
        self.name = name
        self.osID = osID
        self.isMain = isMain
        self.frames = frames
        kernelFrames = []
    }
}

/// What is known of one rank's process and its threads at one time. A rank may have several, one a sample.
package struct RankStacks: Hashable, Sendable, Codable {
    /// `RANK` of the process's environment; `nil` if it has none.
    package var rank: Int?
    package var localRank: Int?
    /// As `/proc` of the node shows it; 0 if unknown.
    package var pid: Int32
    /// When the process was started, in clock ticks since the node was; with `pid`, it names one process.
    package var startTime: UInt64?
    /// In milliseconds since 1970.
    package var time: Int64
    /// One letter, as in `/proc/PID/stat`: `R`, `S`, `D`, `T`, `t`, `Z`; `X` for a process that is gone; empty if unknown.
    package var state: String
    /// The process that traces it; 0: none.
    package var tracer: Int32
    /// The command line without secrets; empty if unknown.
    package var command: String
    /// How the threads were read: `proc`, `worker server`, `py-spy`, `faulthandler`.
    package var source: String
    package var threads: [ThreadStack]
    /// Why each way that was tried or passed over gave nothing, and what would allow it: sentences.
    package var refusals: [String]

    package init(
        rank: Int? = nil, localRank: Int? = nil, pid: Int32 = 0, time: Int64 = 0, state: String = "",
        source: String, threads: [ThreadStack] = []
    ) {
        self.rank = rank
        self.localRank = localRank
        self.pid = pid
        self.time = time
        self.state = state
        self.source = source
        self.threads = threads
        tracer = 0
        command = ""
        refusals = []
    }
}
