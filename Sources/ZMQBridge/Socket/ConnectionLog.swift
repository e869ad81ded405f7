internal import Logging
private import Synchronization

/// Watches the publisher's sockets: says in the log which connections they have closed, and why, and knows which of them nobody finds any
/// more. May be used from any thread.
final class ConnectionLog: Sendable {
    private let sockets = Mutex<[(listener: GuardedListener, logged: ClosedConnections)]>([])
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    func watch(_ listener: GuardedListener) {
        sockets.withLock { $0.append((listener, ClosedConnections(refused: 0, shed: 0, ended: 0))) }
    }

    /// The paths at which there is no longer the socket that was bound there.
    var lostPaths: [String] {
        sockets.withLock { $0.map(\.listener) }.filter { !$0.isInPlace }.map(\.path)
    }

    /// Logs what has been closed since the last call.
    func logNews() {
        let news = sockets.withLock { sockets in
            sockets.indices.compactMap { index -> (String, ClosedConnections)? in
                let (listener, logged) = sockets[index]
                let closed = listener.closedConnections
                // Fewer when the socket is closed and another has its place.
                guard closed.total > logged.total else { return nil }
                sockets[index].logged = closed
                return (listener.path, closed.since(logged))
            }
        }
        for (path, news) in news {
            // Those that have not proved who they are may be counted without being logged: it is told who was refused.
            logger.warning(
                "Connections to a socket were closed.",
                metadata: [
                    "socket": "\(path)", "too-many": "\(news.refused)", "silent": "\(news.shed)",
                    "sent-too-much-or-no-zmtp-3": "\(news.ended)",
                ])
        }
    }
}
