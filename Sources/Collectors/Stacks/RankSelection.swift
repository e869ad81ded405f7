/// Picks the trainers out of all processes that carry a training rank's environment, which every child inherits.
///
/// 1. A process that runs no Python is no trainer: a shell that starts one, py-spy.
/// 2. A process is a launcher if one below it says more exactly which rank it is: `torchrun` in a pod whose `RANK` is the node's has a
///    child with `RANK` and `LOCAL_RANK` (facebookincubator/dynolog#430).
/// 3. A process is a helper if the nearest of these above it has the same ranks: workers of a data loader, compilers.
///
/// A process beside the trainer that inherited the same ranks and runs Python, say a TensorBoard that the same script started, passes for a
/// trainer; give process ids where that matters.
enum RankSelection {
    /// Those that run now, and how many processes could not be read for lack of permission.
    static func current() -> (trainers: [ProcessInfo], unreadable: Int) {
        let (processes, unreadable) = ProcessTable.processesOfTraining()
        return (trainers(among: processes) { pid in try? ProcessStatus(pid: pid).parent }, unreadable)
    }

    static func trainers(among processes: [ProcessInfo], parents: (Int32) -> Int32?) -> [ProcessInfo] {
        let candidates = processes.filter { $0.isPython && $0.evidence > 0 }
        let byID = Dictionary(candidates.map { ($0.pid, $0) }, uniquingKeysWith: { first, _ in first })
        let above = candidates.map { ancestors(of: $0, among: byID, parents: parents) }
        var launchers: Set<Int32> = []
        for (process, ancestors) in zip(candidates, above) {
            for ancestor in ancestors where ancestor.evidence < process.evidence { launchers.insert(ancestor.pid) }
        }
        return zip(candidates, above).filter { process, ancestors in
            guard !launchers.contains(process.pid) else { return false }
            guard let nearest = ancestors.first(where: { !launchers.contains($0.pid) }) else { return true }
            return nearest.rank != process.rank || nearest.localRank != process.localRank
        }.map(\.0).sorted { ($0.rank ?? .max, $0.pid) < ($1.rank ?? .max, $1.pid) }
    }

    /// The candidates above a process, the nearest first. Others may stand in between: a shell, a wrapper without the environment.
    private static func ancestors(
        of process: ProcessInfo, among candidates: [Int32: ProcessInfo], parents: (Int32) -> Int32?
    ) -> [ProcessInfo] {
        var ancestors: [ProcessInfo] = []
        var seen: Set<Int32> = [process.pid]
        var next: Int32? = process.parent
        while let pid = next, pid > 1 || candidates[pid] != nil, seen.insert(pid).inserted {
            if let candidate = candidates[pid] { ancestors.append(candidate) }
            next = candidates[pid]?.parent ?? parents(pid)
        }
        return ancestors
    }
}
