private import Synchronization

/// How much memory the requests of all connections may take together. May be used from any thread.
final class RequestBudget: Sendable {
    /// In bytes: room for one of the largest and many small ones. A request that is passed on is copied, so the memory is up to three times
    /// that.
    static let bytes = 320 << 20

    private let used = Atomic(0)

    /// Takes some of it.
    ///
    /// - Returns: whether that much was left.
    func take(_ bytes: Int) -> Bool {
        if used.add(bytes, ordering: .relaxed).newValue <= Self.bytes { return true }
        giveBack(bytes)
        return false
    }

    func giveBack(_ bytes: Int) {
        used.subtract(bytes, ordering: .relaxed)
    }
}
