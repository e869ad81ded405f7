private import Synchronization

/// Ends one task's waiting from any thread. A signal that nobody waits for is kept, and ends the next wait; many are one.
package final class WakeSignal: Sendable {
    private struct State {
        var isPending = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    package init() {}

    package func wake() {
        let waiter = state.withLock { state in
            if state.waiter == nil { state.isPending = true }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Returns at the next signal, or when the task is cancelled. One task at a time may wait: another one ends the wait of the first.
    package func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCancelled = Task.isCancelled
                let ended = state.withLock { state -> CheckedContinuation<Void, Never>? in
                    if state.isPending || isCancelled {
                        if !isCancelled { state.isPending = false }
                        return continuation
                    }
                    defer { state.waiter = continuation }
                    return state.waiter
                }
                ended?.resume()
            }
        } onCancel: {
            state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }?.resume()
        }
    }
}
