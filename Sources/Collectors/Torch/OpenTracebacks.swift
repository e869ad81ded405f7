internal import Synchronization
internal import SystemSupport

/// Asks worker servers for tracebacks, each process for one at a time.
///
/// `dump_traceback` needs Python's global lock. While another thread holds it, the call hangs and keeps one of the server's few threads; `ping`
/// still answers then. So a call that does not answer is left open, and until it ends the process is not asked again: the end of that call is
/// the only sign that the lock was free.
final class OpenTracebacks: Sendable {
    static let shared = OpenTracebacks()

    /// How long a call that nobody waits for any more is left open. After that the process is never asked again.
    private static let longestCall: Duration = .seconds(3600)
    /// How many calls may be open in all: a descriptor each.
    private static let mostOpen = 256

    private struct Caller: Hashable {
        let pid: Int32
        let startTime: UInt64?

        var isThere: Bool { (try? ProcessStatus(pid: pid))?.startTime == startTime }
    }

    private let open = Mutex<[Caller: Task<Result<[UInt8], TorchWorkerServer.Failure>, Never>?]>([:])

    /// - Parameter limit: how long to wait for it.
    /// - Throws: why there is no traceback, as the rest of a sentence that begins with the server.
    func traceback(
        of process: RankProcess, by server: TorchWorkerServer, within limit: Duration
    ) async throws(TorchWorkerServer.Failure) -> [UInt8] {
        let caller = Caller(pid: process.pid, startTime: process.startTime)
        let task = open.withLock { open -> Task<Result<[UInt8], TorchWorkerServer.Failure>, Never>? in
            // Another process has the number now: what was open is over.
            for old in open.keys where old.pid == caller.pid && old != caller { open[old] = nil }
            if open.count >= Self.mostOpen { open = open.filter { $0.value != nil || $0.key.isThere } }
            guard open[caller] == nil, open.count < Self.mostOpen else { return nil }
            // Ends by itself, and is waited for below, or by whoever asks next.
            let task = Task { await self.call(caller, server) }
            open.updateValue(task, forKey: caller)
            return task
        }
        guard let task else {
            throw TorchWorkerServer.Failure(
                reason: "was not asked for a traceback: an earlier one of the same process has not ended, "
                    + "so a thread holds Python's global lock", isOpen: true)
        }
        let (results, result) = AsyncStream<Result<[UInt8], TorchWorkerServer.Failure>>.makeStream()
        let waiter = Task { result.yield(await task.value) }
        let timer = Task {
            try await Task.sleep(for: limit)
            result.finish()
        }
        defer {
            waiter.cancel()
            timer.cancel()
        }
        for await answer in results { return try answer.get() }
        throw TorchWorkerServer.Failure(
            reason: "did not answer dump_traceback within \(DurationText.write(limit)): "
                + "a thread that holds Python's global lock keeps it from that", isOpen: true)
    }

    /// How many calls have not ended.
    var count: Int { open.withLock { $0.count } }

    private func call(
        _ caller: Caller, _ server: TorchWorkerServer
    ) async -> Result<[UInt8], TorchWorkerServer.Failure> {
        let result: Result<[UInt8], TorchWorkerServer.Failure>
        do throws(TorchWorkerServer.Failure) {
            result = .success(try await server.traceback(within: Self.longestCall))
        } catch {
            result = .failure(error)
        }
        let isStillOpen = if case .failure(let failure) = result { failure.isOpen } else { false }
        open.withLock { open in
            guard open[caller] != nil else { return }
            if isStillOpen {
                // A process without a task: never again.
                open.updateValue(nil, forKey: caller)
            } else {
                open.removeValue(forKey: caller)
            }
        }
        return result
    }
}
