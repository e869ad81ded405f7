import NIOCore
import Synchronization

/// The connections that a server took.
final class ConnectionList: Sendable {
    private let channels = Mutex<[any Channel]>([])

    func add(_ channel: any Channel) { channels.withLock { $0.append(channel) } }

    var all: [any Channel] { channels.withLock { $0 } }
}
