private import Synchronization
internal import SystemSupport

/// How long one waits between two looks; may be changed from elsewhere meanwhile.
final class Pauses: Sendable {
    private let interval: Mutex<Duration>

    init(interval: Duration) {
        self.interval = Mutex(interval)
    }

    /// - Returns: whether it is another one.
    func set(_ new: Duration) -> Bool {
        interval.withLock { interval in
            defer { interval = new }
            return interval != new
        }
    }

    /// Returns after the interval, when the signal comes, or when the task is cancelled.
    func wait(_ wake: WakeSignal) async {
        let interval = interval.withLock(\.self)
        await withTaskGroup { group in
            group.addTask { try? await Task.sleep(for: interval) }
            group.addTask { await wake.wait() }
            await group.next()
            group.cancelAll()
        }
    }
}
