/// What opening a journal found and did.
public struct JournalRecovery: Hashable, Sendable {
    /// The end of a segment that was cut off: a write that a crash interrupted.
    public struct Cut: Hashable, Sendable {
        public var path: String
        /// Where the file ends now; 0 if nothing is left of it.
        public var offset: UInt64
        public var bytes: UInt64
    }

    /// A segment that was renamed.
    public struct SetAside: Hashable, Sendable {
        public var path: String
        public var newPath: String
        /// What is wrong with it, and at which byte.
        public var reason: String
    }

    public var cuts: [Cut] = []
    public var setAside: [SetAside] = []
    /// What the lanes lost by it.
    public var losses: [JournalLoss] = []

    public var isClean: Bool { cuts.isEmpty && setAside.isEmpty && losses.isEmpty }
}
