private import Glibc

/// How many files, sockets and the like the process may have open, and who gets how many of them.
///
/// libzmq and Swift's event loops end the process, or stop, when they get no descriptor. So the process looks at the start whether its
/// limit will do, and everybody who opens as many as others want (followed logs, accepted connections) keeps to a share.
package struct DescriptorLimit: Sendable, Hashable {
    /// The most that followed logs keep open: `logs.max-open` can ask for less, and a small limit gives half of itself.
    package static let mostLogs = 256
    /// What a process has open without any master, log or connection: its streams, the journal, the sockets of the bus, event loops.
    private static let own = 64
    /// What each master adds: its database, its subscriber's sockets, its connection.
    private static let perMaster = 20
    /// What must be left for connections, or nobody could call.
    private static let fewestConnections = 32
    /// The most that accepted connections of all kinds get.
    private static let mostConnections = 4096
    /// Of each of the bus's sockets.
    private static let mostBusConnections = 2048
    private static let fewestBusConnections = 4

    /// The process's limit; `Int.max` if there is none.
    package let count: Int

    package init(count: Int) {
        self.count = count
    }

    /// The process's limit as it is now.
    package static var current: DescriptorLimit {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return DescriptorLimit(count: 1024) }
        return DescriptorLimit(count: Int(clamping: limit.rlim_cur))
    }

    /// Raises the process's limit as far as it may without privileges. Processes that it starts have the raised one, too.
    package static func raise() {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(resource, &limit)
    }

    private static var resource: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }

    /// What is kept for our own files and sockets, whatever others do.
    package static func reserve(masters: Int) -> Int { own + perMaster * masters }

    /// The least limit with which a process with so many masters can work.
    package static func needed(masters: Int) -> Int {
        let withoutLogs = reserve(masters: masters) + fewestConnections
        return withoutLogs + min(mostLogs, withoutLogs)
    }

    /// How many followed logs may be open at a time.
    package var logs: Int { min(Self.mostLogs, count / 2) }

    /// How many connections the listener for DLRover's clients may have: half of what neither the reserve nor the logs take; the other half
    /// is the bus's. At least 1, or nobody could call.
    package func listenerConnections(masters: Int) -> Int {
        min(Self.mostConnections, max(2, count - logs - Self.reserve(masters: masters))) / 2
    }

    /// How many connections each of a publisher's four sockets may have, together half of what the logs and the process's own files leave.
    package var busConnections: Int {
        min(Self.mostBusConnections, max(Self.fewestBusConnections, (count - logs - Self.own) / 8))
    }

    /// Descriptors from this number on are for the journal, cursors and calls: the bus gives them to no connection.
    package var firstReserved: Int { max(count - Self.own, count / 2) }

    /// - Throws: `ProcessLimitError` if the limit is less than a process with so many masters needs.
    package func check(masters: Int) throws(ProcessLimitError) {
        let needed = Self.needed(masters: masters)
        guard count < needed else { return }
        throw ProcessLimitError(
            reason: """
                cannot run with at most \(count) open files: \(needed) are needed\
                \(masters > 0 ? " with \(masters) master\(masters == 1 ? "" : "s")" : ""); raise the limit \
                (ulimit -n, LimitNOFILE= of systemd)
                """)
    }
}

/// The process may use less of something than it needs.
package struct ProcessLimitError: Error, Hashable, CustomStringConvertible {
    /// What it is, and how to change it.
    package let reason: String

    package init(reason: String) {
        self.reason = reason
    }

    package var description: String { reason }
}
