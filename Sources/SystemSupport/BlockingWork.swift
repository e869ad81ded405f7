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
///
/// However many queues there are, those of a pool share as many threads as the machine has cores. Where all of them hang in the kernel
/// (a dead file server), Dispatch sees it and adds one a second, up to 255: what hangs does not hold up the others for long.
package struct BlockingQueue: Sendable {
    /// Threads of their own, so that none of the others waits for them. Swift's tasks use the pool of the default class.
    package enum Pool: Sendable {
        /// For what arobust keeps itself.
        case state
        /// For what is written for others, maybe to a file system that does not answer.
        case output

        fileprivate var root: DispatchQueue {
            switch self {
            case .state: .global(qos: .userInitiated)
            case .output: .global(qos: .utility)
            }
        }
    }

    private let queue: DispatchQueue

    /// - Parameter label: the queue's name in a debugger.
    package init(label: String, pool: Pool) {
        queue = DispatchQueue(label: label, target: pool.root)
    }

    /// Waits for what is ahead, then for `work`. Cancelling the task ends neither.
    package func run<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: work()) }
        }
    }
}
