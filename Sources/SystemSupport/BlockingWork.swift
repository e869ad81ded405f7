private import Dispatch

/// Runs an actor's jobs on a serial Dispatch queue, so that blocking calls (`read`, `stat`, `connect`, all of `/proc`) hold up
/// a thread of Dispatch and never one of Swift's few cooperative threads.
///
/// Dispatch's own `DispatchSerialQueue` is a `SerialExecutor` on Apple's systems alone.
package final class BlockingExecutor: SerialExecutor {
    private let queue: DispatchQueue

    package init(label: String) {
        queue = DispatchQueue(label: label)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedSerialExecutor()
        queue.async { job.runSynchronously(on: executor) }
    }

    package func checkIsolated() {
        dispatchPrecondition(condition: .onQueue(queue))
    }
}

/// Runs work that may block on a thread of Dispatch, one piece at a time and in order, while the caller's task waits.
package struct BlockingQueue: Sendable {
    private let queue: DispatchQueue

    /// - Parameter label: the queue's name in a debugger.
    package init(label: String) {
        queue = DispatchQueue(label: label)
    }

    /// Waits for what is ahead, then for `work`. Cancelling the task ends neither.
    package func run<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: work()) }
        }
    }
}
