internal import Diagnosis
internal import Glibc
internal import Logging

/// Takes the stacks of one process, and sees to it that the process goes on as it was.
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
        do throws(SystemError) {
            let before = try ProcessStatus(pid: pid)
            stack.state = before.stateText
            stack.content = await content(pid, before)
        } catch {
            stack.content = .none(reason: error.code == ENOENT ? "there is no such process" : "\(error)")
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

    /// Whether the id still means the process that it meant before, and that lives.
    private func isSame(_ pid: Int32, _ before: ProcessStatus) -> Bool {
        guard let now = try? ProcessStatus(pid: pid) else { return false }
        return now.startTime == before.startTime && !now.hasEnded
    }

    /// Continues a process that a killed py-spy has left stopped (benfred/py-spy#390, #565). One that was stopped before stays so.
    ///
    /// A tracer's stop can still be on its way when the tracer dies, so the process is watched for a tenth of a second. Should somebody else
    /// stop it in just this time, it is continued too; that is not to be told apart.
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
