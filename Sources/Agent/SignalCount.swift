private import Synchronization

/// Counts the signals that asked the process to stop.
final class SignalCount: Sendable {
    private let count = Atomic(0)

    func next() -> Int {
        count.add(1, ordering: .relaxed).newValue
    }
}
