private import Synchronization

/// How much memory the requests of all connections, their headers, the streams on which they come, and answers that were not taken yet, may
/// take together. May be used from any thread.
package final class RequestBudget: Sendable {
    /// In bytes: room for one of the largest and many small ones. A request that is passed on is copied, so the memory is up to three times
    /// that.
    package static let bytes = 320 << 20

    /// What an open stream takes without its headers and data: the channel with its handlers, and the task that answers.
    static let streamBytes = 6 << 10

    private let capacity: Int
    private let used = Atomic(0)

    /// - Parameter capacity: in bytes.
    package init(capacity: Int = RequestBudget.bytes) {
        self.capacity = capacity
    }

    /// What is reserved now, in bytes.
    var reservedBytes: Int { used.load(ordering: .relaxed) }

    /// The part of the budget that one request has; given back when nobody refers to it any more.
    final class Reservation: Sendable {
        private let budget: RequestBudget
        private let taken = Atomic(0)

        init(of budget: RequestBudget) {
            self.budget = budget
        }

        deinit {
            budget.used.subtract(taken.load(ordering: .relaxed), ordering: .relaxed)
        }

        /// Takes so much in all, for an answer in place of its request.
        ///
        /// - Returns: whether that much was left.
        func grow(to bytes: Int) -> Bool {
            grow(by: max(0, bytes - taken.load(ordering: .relaxed)))
        }

        /// Takes more of the budget.
        ///
        /// - Returns: whether that much was left.
        func grow(by bytes: Int) -> Bool {
            guard budget.used.add(bytes, ordering: .relaxed).newValue <= budget.capacity else {
                budget.used.subtract(bytes, ordering: .relaxed)
                return false
            }
            taken.add(bytes, ordering: .relaxed)
            return true
        }
    }
}
