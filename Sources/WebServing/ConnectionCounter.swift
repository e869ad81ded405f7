private import Synchronization

/// Which connections there are, in all and of each client address.
package final class ConnectionCounter: Sendable {
    /// A connection's place among them.
    package struct Place: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    private struct Connection {
        var client: String
        /// Since when it waits for a request, as a number that grows; `nil`: it is being answered.
        var waitsSince: UInt64?
        var close: @Sendable () -> Void
    }

    private struct State {
        var open: [Place: Connection] = [:]
        var clients: [String: Int] = [:]
        var refused = 0
        var replaced = 0
        /// Counts up with each connection, and with each answer.
        var time: UInt64 = 0

        mutating func tick() -> UInt64 {
            time += 1
            return time
        }

        mutating func remove(_ place: Place) -> Connection? {
            guard let connection = open.removeValue(forKey: place) else { return nil }
            let own = clients[connection.client] ?? 1
            clients[connection.client] = own > 1 ? own - 1 : nil
            return connection
        }
    }

    private let state = Mutex(State())

    package init() {}

    /// Takes a place, if need be and allowed that of the one which waits longest without asking.
    ///
    /// - Parameter close: ends the connection when its place is given to another one. From any thread.
    /// - Returns: `nil`: there is none.
    package func enter(
        _ client: String, limits: WebLimits, close: @escaping @Sendable () -> Void = {}
    ) -> Place? {
        let (place, replaced) = state.withLock { state -> (Place?, Connection?) in
            var replaced: Connection?
            if state.open.count >= limits.connections || state.clients[client] ?? 0 >= limits.connectionsOfAClient {
                guard limits.replacesWaiting, let oldest = Self.longestWaiting(state, of: client) else {
                    state.refused += 1
                    return (nil, nil)
                }
                replaced = state.remove(oldest)
                state.replaced += 1
            }
            let place = Place(number: state.tick())
            state.open[place] = Connection(client: client, waitsSince: place.number, close: close)
            state.clients[client, default: 0] += 1
            return (place, replaced)
        }
        replaced?.close()
        return place
    }

    private static func longestWaiting(_ state: State, of client: String) -> Place? {
        var oldest: (since: UInt64, place: Place)?
        for (place, connection) in state.open where connection.client == client {
            guard let since = connection.waitsSince, since < oldest?.since ?? .max else { continue }
            oldest = (since, place)
        }
        return oldest?.place
    }

    package func leave(_ place: Place) {
        state.withLock { _ = $0.remove(place) }
    }

    /// A request has come.
    package func asks(_ place: Place) {
        state.withLock { $0.open[place]?.waitsSince = nil }
    }

    /// It has been answered.
    package func waits(_ place: Place) {
        state.withLock { state in
            let time = state.tick()
            state.open[place]?.waitsSince = time
        }
    }

    /// How many are open, and how many were refused or gave way, so far.
    package var now: (open: Int, refused: Int, replaced: Int) {
        state.withLock { ($0.open.count, $0.refused, $0.replaced) }
    }
}
