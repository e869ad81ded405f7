private import Synchronization

/// What the console counts about its own answers.
package final class AnswerCounts: Sendable {
    private let requests = Mutex<[Int: Int]>([:])

    package init() {}

    func countRequest(status: Int) {
        requests.withLock { $0[status, default: 0] += 1 }
    }

    /// How many answers there were, by status.
    package var answers: [(status: Int, count: Int)] {
        requests.withLock { $0 }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
