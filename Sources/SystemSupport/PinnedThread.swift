private import Glibc

/// Runs blocking work on a thread of its own, so that it takes none of Swift's few cooperative threads.
package enum PinnedThread {
    /// Runs `work` on a new thread and returns what it returns, after it has ended.
    ///
    /// - Parameters:
    ///   - name: shown by `top -H`; at most 15 bytes count.
    ///   - onCancel: called when the task is cancelled; must make `work` end. May be called from any thread, also before `work` begins.
    package static func run<Result: Sendable>(
        name: String,
        onCancel: @escaping @Sendable () -> Void,
        _ work: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let job = Job(name: name) { continuation.resume(with: Swift.Result(catching: work)) }
                start(job)
            }
        } onCancel: {
            onCancel()
        }
    }

    /// Runs `work` on a new thread and returns what it returns; `nil` when that takes longer than `patience`. The thread is then left alone:
    /// it may hang in a call that nothing ends, such as a read from a dead file server.
    package static func run<Result: Sendable>(
        name: String, patience: Duration, _ work: @escaping @Sendable () -> Result
    ) async -> Result? {
        let (results, result) = AsyncStream<Result>.makeStream(bufferingPolicy: .bufferingOldest(1))
        start(
            Job(name: name) {
                result.yield(work())
                result.finish()
            })
        let timer = Task {
            try await Task.sleep(for: patience)
            result.finish()
        }
        defer { timer.cancel() }
        return await results.first { _ in true }
    }

    /// Runs `work` on a new thread and doesn't wait for it.
    ///
    /// - Parameter name: as for `run`.
    package static func start(name: String, _ work: @escaping @Sendable () -> Void) {
        start(Job(name: name, body: work))
    }

    private final class Job: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private static func start(_ job: Job) {
        var thread = pthread_t()
        let code = pthread_create(&thread, nil, runJob, Unmanaged.passRetained(job).toOpaque())
        precondition(code == 0, "no thread could be made: \(SystemCallError.text(code))")
        pthread_detach(thread)
    }

    // A free function of exactly C's type: a closure literal would inherit the caller's isolation and trap on this thread.
    private static let runJob: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        guard let argument else { return nil }
        let job = Unmanaged<Job>.fromOpaque(argument).takeRetainedValue()
        // pthread_setname_np is GNU's own, and hidden from Swift's Glibc module.
        try? WholeFile.write(Array(job.name.utf8.prefix(15)), over: "/proc/thread-self/comm")
        job.body()
        return nil
    }
}
