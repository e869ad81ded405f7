internal import Hang
internal import SystemSupport

/// Takes the stacks of processes for the periodic metric, by the ladder.
struct StackReader: Sendable {
    let ladder: StackLadder

    func stack(of pid: Int32) async -> ProcessStack {
        let process = await PatientLook.at(pid) { RankProcess(reading: pid) } ?? RankProcess(pid: pid)
        let options = ladder.options
        let rungs = options.allowsBlocking || options.wantsNative ? 2 : 1
        let time = options.tracebackDeadline + options.pySpyDeadline * rungs + .seconds(1)
        return ProcessStack(await ladder.stacks(of: process, until: .now.advanced(by: time)))
    }
}

extension ProcessStack {
    /// - Parameter outcome: of the ladder.
    init(_ outcome: StackLadder.Outcome) {
        let stacks = outcome.stacks
        let reason = stacks.refusals.last ?? "nothing was tried"
        let content: Content =
            switch outcome.content {
            case .python: .python(stacks.threads.map(PythonThread.init))
            case .kernel: .kernel(outcome.kernelThreads, reason: reason)
            case .none: .none(reason: reason)
            }
        let hasState = outcome.content != .none && !stacks.state.isEmpty
        self.init(
            pid: stacks.pid, rank: stacks.rank, localRank: stacks.localRank, command: stacks.command,
            state: hasState ? ProcessStatus.text(of: stacks.state.first ?? "?") : "?",
            timestamp: stacks.time / 1000, content: content)
    }
}

extension PythonThread {
    init(_ thread: ThreadStack) {
        self.init(
            name: thread.name ?? (thread.isMain == true ? "MainThread" : nil), osID: thread.osID,
            isActive: thread.ownsGIL == nil ? nil : thread.isActive, ownsGIL: thread.ownsGIL ?? false,
            frames: thread.frames.map { Frame(function: $0.function, file: $0.file, line: $0.line) })
    }
}
