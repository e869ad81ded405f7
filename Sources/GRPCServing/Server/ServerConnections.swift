internal import NIOCore
private import Synchronization

/// The open connections of a server, within their limits. May be used from any thread.
final class ServerConnections: Sendable {
    /// One of them.
    struct Ticket: Sendable {
        fileprivate let id: Int
        let activity: ConnectionActivity
    }

    private struct State {
        var table: ConnectionTable
        var channels: [Int: any Channel] = [:]
        var nextID = 0
        var isStopping = false
    }

    private let report: ConnectionReport
    private let state: Mutex<State>

    init(limits: ConnectionTable.Limits, report: ConnectionReport) {
        self.report = report
        state = Mutex(State(table: ConnectionTable(limits: limits)))
    }

    var count: Int { state.withLock { $0.channels.count } }

    /// Enters a connection that was accepted.
    ///
    /// - Parameter whenClosed: called once the connection is closed and forgotten.
    /// - Returns: `nil` if there is no room for it, and it is to be closed.
    func arrive(_ channel: any Channel, whenClosed: @escaping @Sendable () -> Void) -> Ticket? {
        let activity = ConnectionActivity()
        let ticket: Ticket? = decide { state -> (Ticket?, ConnectionTable.Decision) in
            let ticket = Ticket(id: state.nextID, activity: activity)
            state.nextID += 1
            guard !state.isStopping else { return (nil, .keep) }
            let decision = state.table.arrive(ticket.id, activity)
            guard decision != .refuse else { return (nil, decision) }
            state.channels[ticket.id] = channel
            return (ticket, decision)
        }
        guard let ticket else { return nil }
        channel.closeFuture.whenComplete { [self] _ in
            state.withLock { state in
                state.table.leave(ticket.id)
                state.channels[ticket.id] = nil
            }
            whenClosed()
        }
        return ticket
    }

    /// Notes who is at the other end.
    ///
    /// - Returns: whether the connection stays; otherwise it is to be closed.
    func settle(_ ticket: Ticket, as standing: ConnectionTable.Standing) -> Bool {
        decide { state in
            let decision = state.table.settle(ticket.id, as: standing)
            return (decision != .refuse, decision)
        }
    }

    /// Takes no more.
    ///
    /// - Returns: those that are open.
    func stop() -> [any Channel] {
        state.withLock { state in
            state.isStopping = true
            return Array(state.channels.values)
        }
    }

    /// Those that are open.
    var channels: [any Channel] { state.withLock { Array($0.channels.values) } }

    /// Makes a decision under the lock, and acts on it without.
    private func decide<Result>(_ body: (inout State) -> (Result, ConnectionTable.Decision)) -> Result {
        let (result, decision, victim) = state.withLock { state -> (Result, ConnectionTable.Decision, (any Channel)?) in
            let (result, decision) = body(&state)
            guard case .keepInsteadOf(let id) = decision else { return (result, decision, nil) }
            return (result, decision, state.channels[id])
        }
        victim?.close(promise: nil)
        if decision != .keep { report.record(.full) }
        return result
    }
}
