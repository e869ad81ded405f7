private import Glibc
internal import Logging
private import SystemPackage
private import SystemSupport

/// Takes the stacks of one process, and makes sure that the process goes on as it was.
struct StackReader: Sendable {
    let pySpy: PySpy
    /// How many threads of a process are listed where only the kernel can be asked.
    let maxKernelThreads: Int
    let logger: Logger

    func stack(of pid: Int32) async -> ProcessStack {
        let environment = (try? ProcessTable.environment(of: pid)) ?? [:]
        var stack = ProcessStack(
            pid: pid, rank: environment["RANK"].flatMap { Int($0) },
            localRank: environment["LOCAL_RANK"].flatMap { Int($0) },
            command: CommandText.redacted(ProcessTable.commandLine(of: pid)), state: "?",
            timestamp: WallClock.seconds(), content: .none(reason: ""))
        do throws(SystemCallError) {
            let before = try ProcessStatus(pid: pid)
            stack.state = before.stateText
            stack.content = await content(pid, before)
        } catch {
            stack.content = .none(
                reason: error.code == .noSuchFileOrDirectory ? "there is no such process" : "\(error)")
        }
        return stack
    }

    private func content(_ pid: Int32, _ before: ProcessStatus) async -> ProcessStack.Content {
        if let reason = before.reasonNotToAttach { return kernel(pid, reason: reason) }
        do throws(PySpy.Failure) {
            let threads = try await pySpy.threads(of: pid)
            return isSame(pid, before) ? .python(threads) : ended
        } catch {
            if error.wasKilled { await resume(pid, before) }
            return isSame(pid, before) ? kernel(pid, reason: error.reason) : ended
        }
    }

    private var ended: ProcessStack.Content {
        .none(reason: "the process ended while its stacks were taken")
    }

    private func kernel(_ pid: Int32, reason: String) -> ProcessStack.Content {
        .kernel(KernelThread.threads(of: pid, limit: maxKernelThreads), reason: reason)
    }

    /// Whether the id still names the same process, and it lives.
    private func isSame(_ pid: Int32, _ before: ProcessStatus) -> Bool {
        guard let now = try? ProcessStatus(pid: pid) else { return false }
        return now.startTime == before.startTime && !now.hasEnded
    }

    /// Continues a process that a killed py-spy has left stopped (benfred/py-spy#390, #565). One that was stopped before stays so.
    ///
    /// A tracer's stop can still be on its way when the tracer dies, so the process is watched for a tenth of a second. If somebody else
    /// stops it in just that time, it is continued too: the two cannot be told apart.
    private func resume(_ pid: Int32, _ before: ProcessStatus) async {
        guard !before.isStopped else { return }
        for _ in 0..<5 {
            guard let now = try? ProcessStatus(pid: pid), now.startTime == before.startTime else { return }
            if now.isStopped, now.tracer == 0 {
                kill(pid, SIGCONT)
                logger.warning("A killed py-spy left a process stopped; it was continued.", metadata: ["pid": "\(pid)"])
            }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}

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
