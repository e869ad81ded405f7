internal import Synchronization

/// The training's processes on this node: those that run, and those that were seen before and are gone.
///
/// Made once and shared by all that asks ranks. Who wants to know of a rank that has ended must have looked while it lived: call `look()`
/// now and then.
package final class LocalRanks: Sendable {
    /// More processes are not remembered.
    private static let most = 4096

    private let target: Mutex<StackTarget>
    private let known = Mutex<[RankProcess]>([])

    package init(_ target: StackTarget) {
        self.target = Mutex(target)
    }

    /// From the next look on others are meant.
    package func change(to target: StackTarget) {
        let isOther = self.target.withLock { known in
            defer { known = target }
            return known != target
        }
        if isOther { known.withLock { $0 = [] } }
    }

    /// Looks for the ranks.
    ///
    /// - Returns: in the order of their ranks, those that have ended too until another process has their rank. Where `/proc` does not answer in
    ///   time, those of the last look.
    package func look(patience: Duration = .seconds(2)) async -> [RankProcess] {
        let before = known.withLock { $0 }
        let target = target.withLock { $0 }
        guard let found = await PatientLook.at(0, patience: patience, { Self.find(target, before) }) else {
            return before
        }
        known.withLock { $0 = found }
        return found
    }

    /// Whether a rank lives, as far as that is known: `true` where none was ever seen, as from a container of its own.
    package func hasLivingOnes() async -> Bool {
        let ranks = await look()
        return ranks.isEmpty || ranks.contains { !Self.hasEnded($0) }
    }

    private static func find(_ target: StackTarget, _ before: [RankProcess]) -> [RankProcess] {
        let pids =
            switch target {
            case .pids(let pids): pids
            case .ranks: RankSelection.current().trainers.map(\.pid)
            }
        var found = pids.prefix(most).compactMap { pid -> RankProcess? in
            if let old = before.first(where: { $0.pid == pid }), old.isThere { return old }
            let process = RankProcess(reading: pid)
            if process.startTime != nil { return process }
            // A process id that was given is told of whether there is such a process or not.
            return before.first { $0.pid == pid } ?? (target == .ranks ? nil : process)
        }
        let ranks = Set(found.compactMap(\.rank))
        for old in before where found.count < most {
            guard let rank = old.rank, !ranks.contains(rank), hasEnded(old) else { continue }
            found.append(old)
        }
        return found.sorted { ($0.rank ?? .max, $0.pid) < ($1.rank ?? .max, $1.pid) }
    }

    private static func hasEnded(_ process: RankProcess) -> Bool {
        guard let now = try? ProcessStatus(pid: process.pid), now.startTime == process.startTime else { return true }
        return now.hasEnded
    }
}
