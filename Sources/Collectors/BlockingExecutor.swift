internal import Dispatch

/// Runs an actor's jobs on a serial Dispatch queue, so that blocking calls (`read`, `stat`, `connect`, all of `/proc`) hold up
/// a thread of Dispatch and never one of Swift's few cooperative threads.
///
/// Dispatch's own `DispatchSerialQueue` is a `SerialExecutor` on Apple's systems alone.
final class BlockingExecutor: SerialExecutor {
    private let queue: DispatchQueue

    init(label: String) {
        queue = DispatchQueue(label: label)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedSerialExecutor()
        queue.async { job.runSynchronously(on: executor) }
    }

    func checkIsolated() {
        dispatchPrecondition(condition: .onQueue(queue))
    }
}
