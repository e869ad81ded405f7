internal import Logging

/// Keeps a lasting problem from filling the log: it is told when it begins or changes, then once in `interval` rounds, and when it is over.
struct ProblemLog {
    /// After how many rounds with the same problem it is told again.
    let interval: Int
    private var current: String?
    private var rounds = 0

    init(interval: Int) {
        self.interval = max(1, interval)
    }

    /// Whether a problem was told and has not been solved since.
    var isOpen: Bool { current != nil }

    /// Notes that a round met a problem.
    ///
    /// - Parameters:
    ///   - kind: what makes it the same problem as before.
    ///   - once: never to be told again while it lasts.
    /// - Returns: whether to log it now.
    mutating func shouldReport(_ kind: String, once: Bool = false) -> Bool {
        if current == kind {
            rounds += 1
            return !once && rounds % interval == 0
        }
        current = kind
        rounds = 0
        return true
    }

    /// Notes that all is well.
    ///
    /// - Returns: whether there was a problem until now.
    mutating func solve() -> Bool {
        defer { current = nil }
        return current != nil
    }
}
