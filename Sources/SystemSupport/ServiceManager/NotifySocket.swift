package import Glibc

/// The socket on which a service manager, as systemd, hears from a service how it is: sd_notify(3).
///
/// The protocol is a datagram of lines `NAME=value` to the Unix socket that `NOTIFY_SOCKET` names, by its path or, after an `@`, in the
/// abstract namespace (unix(7)). It is so small that a library for it would cost a node one more dependency.
package struct NotifySocket: Sendable {
    /// What may be said in one message.
    package enum News: Hashable, Sendable {
        /// The service works.
        case ready
        /// It is still alive: to be said more often than every `watchdog`.
        case alive
        /// It reads its settings again, and says `ready` when that is done.
        case reloading
        /// It ends now, and may take this long.
        case stopping(within: Duration)
        /// What it does, in a sentence.
        case status(String)

        fileprivate var lines: [String] {
            switch self {
            case .ready: ["READY=1"]
            case .alive: ["WATCHDOG=1"]
            case .reloading: ["RELOADING=1", "MONOTONIC_USEC=\(Self.monotonicMicroseconds)"]
            case .stopping(let time): ["STOPPING=1", "EXTEND_TIMEOUT_USEC=\(Int(time / .microseconds(1)))"]
            // A line break would begin another assignment.
            case .status(let sentence): ["STATUS=\(SecretText.line(sentence))"]
            }
        }

        /// By the clock that systemd compares with its own.
        private static var monotonicMicroseconds: Int {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
        }
    }

    /// How long the service may be silent before the manager ends it; `nil`: for ever.
    package let watchdog: Duration?
    private let address: String

    /// - Parameter process: who we are: a watchdog for another process, our parent say, is none of ours.
    /// - Returns: `nil` where no manager wants to hear anything, or at an address that is neither absolute nor abstract, as a host's `vsock:`.
    package init?(environment: [String: String], process: pid_t = getpid()) {
        guard let address = environment["NOTIFY_SOCKET"], address.utf8.count > 1,
            address.utf8.count <= UnixAddress.longestPath, address.hasPrefix("/") || address.hasPrefix("@")
        else { return nil }
        self.address = address
        let isOurs = environment["WATCHDOG_PID"].map { $0 == "\(process)" } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        watchdog = isOurs && microseconds > 0 ? .microseconds(microseconds) : nil
    }

    /// Says all of it in one message. Never waits: a manager that is too busy to read is told again by the next call.
    package func tell(_ news: [News]) throws(SystemCallError) {
        let text = Array(news.flatMap(\.lines).joined(separator: "\n").utf8)
        let kind = CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = try SystemCallError.retrying("make a socket") { socket(AF_UNIX, kind, 0) }
        defer { close(descriptor) }
        let send: (UnsafePointer<sockaddr>, socklen_t) -> CInt = { address, length in
            CInt(
                sendto(
                    descriptor, text, text.count, CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL), address, length))
        }
        _ = try SystemCallError.retrying("notify", path: address) {
            address.hasPrefix("@")
                ? UnixAddress.with(abstract: address.dropFirst(), send) : UnixAddress.with(address, send)
        }
    }
}
