internal import NIOCore
private import Synchronization

/// What the handlers of a connection note about it, for the table. May be used from any thread.
final class ConnectionActivity: Sendable {
    private let ready = Atomic(false)
    private let calls = Atomic(0)
    private let idle: Atomic<UInt64>

    init(now: NIODeadline = .now()) {
        idle = Atomic(now.uptimeNanoseconds)
    }

    /// Whether the client has begun to speak HTTP/2.
    var isReady: Bool { ready.load(ordering: .relaxed) }
    /// Whether a call is under way.
    var hasCalls: Bool { calls.load(ordering: .relaxed) > 0 }
    /// Since when there was no call: the last one's end, or the connection's beginning.
    var idleSince: UInt64 { idle.load(ordering: .relaxed) }

    func becomeReady() { ready.store(true, ordering: .relaxed) }

    func beginCall() { calls.add(1, ordering: .relaxed) }

    func endCall(now: NIODeadline = .now()) {
        idle.store(now.uptimeNanoseconds, ordering: .relaxed)
        calls.subtract(1, ordering: .relaxed)
    }
}

/// Decides which connections a server keeps when there are too many. A value without I/O.
///
/// Who comes too much closes a connection of the same kind that is of no use now, and if there is none it is refused. So strangers never
/// displace those who may call, and a user who opens connections without end displaces their own.
package struct ConnectionTable {
    /// How many there may be at a time.
    package struct Limits: Hashable, Sendable {
        var all: Int
        /// Of one user.
        var perCaller: Int
        /// Those of which it is not known yet who they are. More than a burst of clients that the kernel holds back (the backlog).
        var arriving: Int
        /// Those who may not call, and are only there to be told so.
        var strangers: Int

        package init(all: Int) {
            self.all = all
            perCaller = max(1, all / 2)
            arriving = max(1, all / 2)
            strangers = max(1, all / 8)
        }
    }

    enum Standing: Hashable, Sendable {
        case arriving
        case stranger
        /// May call. `nil`: nobody knows who it is, and everybody may.
        case caller(UInt32?)
    }

    /// What becomes of a connection that comes, or of which more is known now.
    enum Decision: Equatable {
        case keep
        /// It stays, and the one with this number is closed.
        case keepInsteadOf(Int)
        case refuse
    }

    private struct Entry {
        var standing: Standing
        let activity: ConnectionActivity
    }

    private let limits: Limits
    private var entries: [Int: Entry] = [:]
    private var counts: [Standing: Int] = [:]

    init(limits: Limits) {
        self.limits = limits
    }

    var count: Int { entries.count }

    /// Enters a new connection, unless it is refused.
    mutating func arrive(_ id: Int, _ activity: ConnectionActivity) -> Decision {
        guard counts[.arriving, default: 0] < limits.arriving else { return .refuse }
        var decision = Decision.keep
        if entries.count >= limits.all {
            guard let victim = leastUseful({ $0 != .arriving }) else { return .refuse }
            leave(victim)
            decision = .keepInsteadOf(victim)
        }
        enter(id, Entry(standing: .arriving, activity: activity))
        return decision
    }

    /// Notes who it is. A connection that is refused is not in the table any more.
    mutating func settle(_ id: Int, as standing: Standing) -> Decision {
        guard var entry = entries[id] else { return .refuse }
        leave(id)
        var decision = Decision.keep
        if counts[standing, default: 0] >= (standing == .stranger ? limits.strangers : limits.perCaller) {
            guard let victim = leastUseful({ $0 == standing }) else { return .refuse }
            leave(victim)
            decision = .keepInsteadOf(victim)
        }
        entry.standing = standing
        enter(id, entry)
        return decision
    }

    mutating func leave(_ id: Int) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        let left = counts[entry.standing, default: 1] - 1
        counts[entry.standing] = left > 0 ? left : nil
    }

    private mutating func enter(_ id: Int, _ entry: Entry) {
        entries[id] = entry
        counts[entry.standing, default: 0] += 1
    }

    /// The connection that is missed least, if there is one without a call under way: first strangers', then those that don't speak HTTP/2
    /// yet, then the others; of these the one that is idle longest.
    private func leastUseful(_ isMeant: (Standing) -> Bool) -> Int? {
        func rank(_ entry: Entry) -> (Int, UInt64) {
            (entry.standing == .stranger ? 0 : entry.activity.isReady ? 2 : 1, entry.activity.idleSince)
        }
        return entries.filter { isMeant($0.value.standing) && !$0.value.activity.hasCalls }
            .min { rank($0.value) < rank($1.value) }?.key
    }
}
