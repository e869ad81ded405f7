import AsyncHTTPClient
import Synchronization

/// The connections to a server: an `HTTPClient`, and a new one when connections of the old one may be dead.
final class HTTPConnections: Sendable {
    private struct State {
        var current: HTTPClient?
        /// How many calls each client has under way.
        var calls: [ObjectIdentifier: Int] = [:]
        /// Clients that finish their last calls.
        var retired: [HTTPClient] = []
    }

    private let configuration: HTTPClient.Configuration
    private let state: Mutex<State>

    init(_ configuration: HTTPClient.Configuration) {
        self.configuration = configuration
        state = Mutex(State(current: Self.client(configuration)))
    }

    private static func client(_ configuration: HTTPClient.Configuration) -> HTTPClient {
        HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// A client for one call. After `close` it is one that refuses the call.
    func take() -> HTTPClient {
        state.withLock { state in
            let client = state.current ?? state.retired[0]
            state.calls[ObjectIdentifier(client), default: 0] += 1
            return client
        }
    }

    /// - Parameter isSuspect: whether later calls are to use none of its connections.
    func giveBack(_ client: HTTPClient, isSuspect: Bool) async {
        let ended = state.withLock { state -> HTTPClient? in
            let left = (state.calls[ObjectIdentifier(client)] ?? 1) - 1
            state.calls[ObjectIdentifier(client)] = left > 0 ? left : nil
            if isSuspect, state.current === client {
                state.retired.append(client)
                state.current = Self.client(configuration)
            }
            guard left == 0, state.current != nil, let index = state.retired.firstIndex(where: { $0 === client }) else {
                return nil
            }
            return state.retired.remove(at: index)
        }
        try? await ended?.shutdown()
    }

    /// Ends all calls. Later ones fail at once.
    func close() async {
        let clients = state.withLock { state in
            let clients = [state.current].compactMap { $0 } + state.retired
            state.current = nil
            state.retired = clients
            return clients
        }
        for client in clients { try? await client.shutdown() }
    }
}
