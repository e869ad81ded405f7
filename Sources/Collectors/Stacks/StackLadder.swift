private import Glibc
internal import Hang
package import Logging
private import SystemPackage
internal import SystemSupport

/// Takes the stacks of one process by the gentlest way that gives them, and makes sure that the process goes on as it was.
///
/// The rungs, each with a deadline: what `/proc` shows, always; the traceback of PyTorch's worker server, which attaches to nothing; py-spy,
/// which reads the memory of the running process; and, where a setting asks for it, a py-spy that stops the process for a moment.
package struct StackLadder: Sendable {
    package struct Options: Sendable {
        /// py-spy's program; `nil`: `py-spy` in `PATH`, looked up at every process.
        package var pySpyPath: String?
        /// For py-spy and one process. Then it is killed.
        package var pySpyDeadline: Duration = .seconds(10)
        /// The most that py-spy may write for one process, in bytes.
        package var maxOutputBytes = 16 << 20
        /// How many threads of a process are read from `/proc`.
        package var maxKernelThreads = 1024
        /// Where worker servers are, besides those that are found by themselves.
        package var workerServers: [WorkerServerPattern] = []
        /// How long a worker server may take for a traceback: it takes some milliseconds, or for ever.
        package var tracebackDeadline: Duration = .seconds(2)
        /// Whether py-spy may stop a process, where it could not read it otherwise.
        package var allowsBlocking = false
        /// Whether py-spy is to stop a process and read its native frames, too.
        package var wantsNative = false

        package init() {}
    }

    /// What was had of a process.
    struct Outcome: Sendable {
        enum Content {
            /// Python's stacks.
            case python
            /// Only what the kernel shows.
            case kernel
            /// Nothing: the process is gone.
            case none
        }

        var stacks: RankStacks
        var content: Content
        /// The kernel's view of the threads, with what `RankStacks` has no room for.
        var kernelThreads: [KernelThread] = []
    }

    let options: Options
    let logger: Logger
    private let finder: WorkerServerFinder
    private let pySpy: PySpy
    private let tracebacks: OpenTracebacks

    package init(_ options: Options, logger: Logger) {
        self.init(options, logger: logger, tracebacks: .shared)
    }

    init(_ options: Options, logger: Logger, tracebacks: OpenTracebacks) {
        self.options = options
        self.logger = logger
        self.tracebacks = tracebacks
        finder = WorkerServerFinder(patterns: options.workerServers)
        pySpy = PySpy(path: options.pySpyPath, deadline: options.pySpyDeadline, maxBytes: options.maxOutputBytes)
    }

    // MARK: the first rung

    /// What `/proc` shows; nothing is attached, and nothing is waited for.
    func look(at process: RankProcess) async -> Outcome {
        await firstRung(process).outcome
    }

    private struct Look: Sendable {
        var status: ProcessStatus?
        var problem: String?
    }

    private func firstRung(_ process: RankProcess) async -> (outcome: Outcome, status: ProcessStatus?) {
        let look = await PatientLook.at(process.pid) {
            do throws(SystemCallError) {
                return Look(status: try ProcessStatus(pid: process.pid))
            } catch {
                let isGone = error.code == .noSuchFileOrDirectory || error.code == .noSuchProcess
                return Look(problem: isGone ? "there is no such process" : "\(error)")
            }
        }
        var stacks = RankStacks(
            rank: process.rank, localRank: process.localRank, pid: process.pid,
            time: Int64(WallClock.nanoseconds() / 1_000_000), source: "proc")
        stacks.command = process.command
        stacks.startTime = process.startTime
        guard let look else {
            stacks.refusals = [
                "/proc/\(process.pid) could not be read within \(DurationText.write(PatientLook.patience))"
            ]
            return (Outcome(stacks: stacks, content: .kernel), nil)
        }
        let isSame = process.startTime.map { $0 == look.status?.startTime } ?? true
        guard let status = look.status, isSame else {
            stacks.state = "X"
            // Another process has its number now.
            stacks.refusals = [look.problem ?? "the process has ended"]
            return (Outcome(stacks: stacks, content: .none), nil)
        }
        stacks.startTime = status.startTime
        stacks.state = String(status.state)
        stacks.tracer = status.tracer
        let limit = options.maxKernelThreads
        let threads = await PatientLook.at(process.pid) { KernelThread.threads(of: process.pid, limit: limit) }
        if threads == nil { stacks.refusals.append("the threads in /proc/\(process.pid) could not be read in time") }
        stacks.threads = (threads ?? []).map { ThreadStack($0, of: process.pid) }
        return (Outcome(stacks: stacks, content: .kernel, kernelThreads: threads ?? []), status)
    }

    // MARK: the others

    /// Climbs the ladder, up to the first rung that gives Python's stacks.
    ///
    /// - Parameter end: when it must be over; a killed py-spy may take a little longer to go.
    func stacks(of process: RankProcess, until end: ContinuousClock.Instant) async -> Outcome {
        var (outcome, before) = await firstRung(process)
        guard let before else { return outcome }
        guard !before.hasEnded else {
            outcome.stacks.refusals.append(before.reasonNotToAttach ?? "the process has ended")
            return outcome
        }
        // Whatever knew only the process's number names this one from here on.
        var process = process
        process.startTime = before.startTime
        var absence: String?
        if let threads = await workerServerThreads(process, before, until: end, &outcome.stacks.refusals, &absence) {
            take(threads, from: "worker server", into: &outcome)
        } else if let threads = await pySpyThreads(process, .nonblocking, before, until: end, &outcome.stacks.refusals)
        {
            take(threads.map(ThreadStack.init), from: "py-spy", into: &outcome)
        }
        // Where nobody named a worker server, it is missed only if nothing else gave the stacks.
        if let absence, outcome.content != .python { outcome.stacks.refusals.insert(absence, at: 0) }
        if options.wantsNative || (options.allowsBlocking && outcome.content != .python) {
            let mode: PySpy.Mode = options.wantsNative ? .native : .blocking
            if let threads = await pySpyThreads(process, mode, before, until: end, &outcome.stacks.refusals) {
                take(threads.map(ThreadStack.init), from: "py-spy", into: &outcome)
            }
        }
        if let now = await PatientLook.at(process.pid, { [process] in try? ProcessStatus(pid: process.pid) }) {
            guard now?.startTime == before.startTime, now?.hasEnded == false else { return ended(outcome, now, before) }
        }
        return outcome
    }

    private func take(_ threads: [ThreadStack], from source: String, into outcome: inout Outcome) {
        outcome.stacks.setThreads(threads, beside: outcome.kernelThreads)
        outcome.stacks.source = source
        outcome.content = .python
    }

    private func ended(_ outcome: Outcome, _ now: ProcessStatus?, _ before: ProcessStatus) -> Outcome {
        var outcome = outcome
        outcome.stacks.state = now?.startTime == before.startTime && now?.state == "Z" ? "Z" : "X"
        outcome.stacks.source = "proc"
        outcome.stacks.threads = []
        outcome.stacks.refusals.append("the process ended while its stacks were taken")
        outcome.content = .none
        return outcome
    }

    private func workerServerThreads(
        _ process: RankProcess, _ before: ProcessStatus, until end: ContinuousClock.Instant,
        _ refusals: inout [String], _ absence: inout String?
    ) async -> [ThreadStack]? {
        guard !before.isStopped else {
            refusals.append(
                "the worker server was not asked: the process is stopped (\(before.state)); SIGCONT continues it")
            return nil
        }
        let server: TorchWorkerServer
        do throws(WorkerServerFinder.NoServer) {
            server = try await finder.server(of: process)
        } catch {
            if error.isExpected { absence = error.reason } else { refusals.append(error.reason) }
            return nil
        }
        let limit = min(options.tracebackDeadline, ContinuousClock.now.duration(to: end))
        do throws(TorchWorkerServer.Failure) {
            let text = try await tracebacks.traceback(of: process, by: server, within: limit)
            if let threads = FaulthandlerText.threads(in: String(decoding: text, as: UTF8.self)) { return threads }
            let start = SecretText.line(String(decoding: text.prefix(80), as: UTF8.self))
            refusals.append("the \(server.title) answered something other than a traceback: '\(start)'")
        } catch {
            refusals.append("the \(server.title) \(error.reason)")
        }
        return nil
    }

    private func pySpyThreads(
        _ process: RankProcess, _ mode: PySpy.Mode, _ before: ProcessStatus, until end: ContinuousClock.Instant,
        _ refusals: inout [String]
    ) async -> [PythonThread]? {
        let left = ContinuousClock.now.duration(to: end)
        guard left > (mode.isStopping ? .seconds(2) : .milliseconds(50)) else {
            refusals.append("py-spy was not run: no time was left for it")
            return nil
        }
        guard let now = try? ProcessStatus(pid: process.pid), now.startTime == before.startTime else { return nil }
        if let reason = now.reasonNotToAttach
            ?? (mode.isStopping && now.isStopped ? "the process is stopped already" : nil)
        {
            refusals.append(reason)
            return nil
        }
        do throws(PySpy.Failure) {
            let threads = try await pySpy.threads(of: process.pid, mode, within: left)
            await resume(process.pid, before, patience: 1)
            return threads
        } catch {
            // A tracer's stop can still be on its way when the tracer dies.
            await resume(process.pid, before, patience: error.wasKilled ? 5 : 1)
            refusals.append(error.reason + AttachRight.advice(for: error.reason, process.pid))
        }
        return nil
    }

    /// Continues a process that py-spy has left stopped (benfred/py-spy#390, #565). One that was stopped before stays so.
    ///
    /// If somebody else stops it in just that time, it is continued too: the two cannot be told apart.
    ///
    /// - Parameter patience: how often it is looked at, every 20 ms.
    private func resume(_ pid: Int32, _ before: ProcessStatus, patience: Int) async {
        guard !before.isStopped else { return }
        for round in 0..<patience {
            guard let now = try? ProcessStatus(pid: pid), now.startTime == before.startTime else { return }
            if now.isStopped, now.tracer == 0 {
                kill(pid, SIGCONT)
                logger.warning("A killed py-spy left a process stopped; it was continued.", metadata: ["pid": "\(pid)"])
            }
            if round + 1 < patience { try? await Task.sleep(for: .milliseconds(20)) }
        }
    }
}
