internal import Dispatch
internal import Glibc
internal import NIOCore
internal import NIOPosix
private import Synchronization
internal import SystemSupport

/// Finds out who is at the other end of a connection, and whether they may call, before anything that they send is read.
///
/// The kernel is asked on a thread of its own, for all connections that wait at once. A flood of connections costs a fifth of a core at
/// most: after each look the thread rests for four times as long as it took.
package final class Doorkeeper: Sendable {
    enum Verdict: Sendable, Equatable {
        /// `nil`: nobody knows who it is, and everybody may call.
        case allowed(UInt32?)
        /// With what to tell the client.
        case refused(String)
    }

    private struct Waiting {
        let ends: SocketEnds
        let promise: EventLoopPromise<Verdict>
    }

    private let callers: ResolvedCallers
    private let owners: SocketOwners
    private let queue = DispatchQueue(label: "arobust.callers")
    private let state = Mutex((waiting: [Waiting](), isLooking: false))

    package init(callers: ResolvedCallers, owners: SocketOwners = SocketOwners()) {
        self.callers = callers
        self.owners = owners
    }

    /// Who may connect to a Unix socket: only root and this user where nobody else may call. Otherwise everybody, and `judge` decides.
    var socketMode: mode_t { callers.isOpenToOthers ? 0o666 : 0o600 }

    /// On the channel's event loop.
    func judge(_ channel: any Channel) -> EventLoopFuture<Verdict> {
        let promise = channel.eventLoop.makePromise(of: Verdict.self)
        let ends = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            SocketEnds(descriptor: $0)
        }
        guard let ends = ends ?? nil else {
            promise.succeed(callers.isEveryone ? .allowed(nil) : .refused(callers.refusal(of: nil)))
            return promise.futureResult
        }
        let begins = state.withLock { state in
            state.waiting.append(Waiting(ends: ends, promise: promise))
            defer { state.isLooking = true }
            return !state.isLooking
        }
        if begins { queue.async { self.look() } }
        return promise.futureResult
    }

    /// Answers all that wait, until nobody does.
    private func look() {
        while true {
            let waiting = state.withLock { state in
                state.isLooking = !state.waiting.isEmpty
                return exchange(&state.waiting, with: [])
            }
            guard !waiting.isEmpty else { return }
            let began = Self.processorTime
            let users = users(of: Set(waiting.map(\.ends)))
            for one in waiting { one.promise.succeed(verdict(of: users[one.ends])) }
            usleep(UInt32(clamping: min((Self.processorTime - began) * 4, 1_000_000)))
        }
    }

    /// What this thread has had of a processor, in microseconds: on a busy machine a look takes long, but costs no more.
    private static var processorTime: Int {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
    }

    private func users(of ends: Set<SocketEnds>) -> [SocketEnds: uid_t] {
        var users: [SocketEnds: uid_t] = [:]
        for case .user(let user) in ends { users[.user(user)] = user }
        let connections = ends.filter { users[$0] == nil }
        users.merge(owners.users(of: connections)) { $1 }
        // The lists are not of one moment: one that is missing may have been passed over while others went.
        let missing = connections.filter { users[$0] == nil }
        if !missing.isEmpty { users.merge(owners.users(of: missing)) { $1 } }
        return users
    }

    /// A user that this process's user namespace does not have could be anybody.
    private func verdict(of user: uid_t?) -> Verdict {
        let user = user == SystemAccounts.overflowUser ? nil : user
        return callers.allows(user) ? .allowed(user) : .refused(callers.refusal(of: user))
    }
}
