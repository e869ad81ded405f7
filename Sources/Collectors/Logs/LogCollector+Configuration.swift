extension LogCollector {
    /// How a log is followed.
    public struct Configuration: Sendable, Hashable {
        /// Where a log without a stored position is begun.
        public enum Start: Sendable, Hashable {
            /// With its first line.
            case start
            /// With the line that is unfinished, or else the first to come, when the collector first looks. A file that appears later is read
            /// from its first line.
            case end
        }

        /// The most content of a chunk, in bytes of the file without the final newline: 64 KiB. A single longer line goes alone.
        public var chunkBytes: Int
        /// The longest line that is sent in one piece, in bytes: 1 MiB. This also bounds the memory.
        public var maxLineBytes: Int
        /// How much is read at a time, in bytes: 256 KiB.
        public var readBytes: Int
        /// Counts only where the client has no position. Note that with `.end` one exists only after the first report.
        public var startFrom: Start
        /// After how many rounds a lasting problem is logged again: 60.
        public var problemInterval: Int

        public init(
            chunkBytes: Int = 64 * 1024,
            maxLineBytes: Int = 1024 * 1024,
            readBytes: Int = 256 * 1024,
            startFrom: Start = .start,
            problemInterval: Int = 60
        ) {
            self.chunkBytes = chunkBytes
            self.maxLineBytes = maxLineBytes
            self.readBytes = readBytes
            self.startFrom = startFrom
            self.problemInterval = problemInterval
        }
    }
}
