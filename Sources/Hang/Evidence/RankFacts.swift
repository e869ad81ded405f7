/// What is known of a rank besides its collectives and stacks. Facts of several sources merge: the newer of each counts.
package struct RankFacts: Hashable, Sendable, Codable {
    /// The process at one time.
    package struct Process: Hashable, Sendable, Codable {
        /// In milliseconds since 1970.
        package var time: Int64
        /// The node's rank or name; empty if unknown.
        package var node: String
        package var pid: Int32
        /// One letter, as in `RankStacks.state`; empty if unknown.
        package var state: String

        package init(time: Int64, node: String, pid: Int32, state: String) {
            self.time = time
            self.node = node
            self.pid = pid
            self.state = state
        }

        var order: (Int64, String, Int32, String) { (time, node, pid, state) }
    }

    /// A rank's log at one time.
    package struct Log: Hashable, Sendable, Codable {
        /// When it was looked at, and when its last line was written, both in seconds since 1970.
        package var time: Int64
        package var lastLine: Int64
        package var path: String

        package init(time: Int64, lastLine: Int64, path: String) {
            self.time = time
            self.lastLine = lastLine
            self.path = path
        }

        /// How old the last line was, in seconds.
        package var age: Int64 { max(0, time - lastLine) }
        var order: (Int64, Int64, String) { (time, lastLine, path) }
    }

    package var process: Process?
    package var log: Log?

    package init(process: Process? = nil, log: Log? = nil) {
        self.process = process
        self.log = log
    }

    package mutating func merge(_ other: RankFacts) {
        if let theirs = other.process, process.map({ $0.order < theirs.order }) ?? true { process = theirs }
        if let theirs = other.log, log.map({ $0.order < theirs.order }) ?? true { log = theirs }
    }

    /// What is wrong with the process, for a sentence: `is stopped (T)`. `nil`: nothing.
    package var trouble: String? {
        switch process?.state {
        case "D": "is in an uninterruptible sleep (D)"
        case "T": "is stopped (T)"
        case "t": "is stopped by a debugger (t)"
        case "Z": "has ended (zombie)"
        case "X": "is gone"
        default: nil
        }
    }
}
