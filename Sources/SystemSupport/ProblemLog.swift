/// Keeps a lasting problem from filling the log: it is told when it begins or changes, then once in `interval` rounds, and when it is over.
package struct ProblemLog {
    /// After how many rounds with the same problem it is told again.
    package let interval: Int
    private var current: String?
    private var rounds = 0

    /// - Parameter interval: without it a problem is told once, however long it lasts.
    package init(interval: Int = .max) {
        self.interval = max(1, interval)
    }

    /// Whether a problem was told and has not been solved since.
    package var isOpen: Bool { current != nil }

    /// Notes that a round met a problem.
    ///
    /// - Parameters:
    ///   - kind: what makes it the same problem as before.
    ///   - once: never to be told again while it lasts.
    /// - Returns: whether to log it now.
    package mutating func shouldReport(_ kind: String, once: Bool = false) -> Bool {
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
    package mutating func solve() -> Bool {
        defer { current = nil }
        return current != nil
    }
}

/// Counts something for the log: says the first at once, then the sum at most once in a while.
package struct QuietCounter {
    private let quietTime: Duration
    private var unreported = 0
    private var lastSaid: ContinuousClock.Instant?
    /// All that was ever counted.
    package private(set) var total = 0

    /// - Parameter quietTime: how long nothing is said after something was.
    package init(quietTime: Duration = .seconds(10)) {
        self.quietTime = quietTime
    }

    package mutating func count(_ number: Int) {
        unreported = unreported.addingReportingOverflow(number).overflow ? .max : unreported + number
        total = total.addingReportingOverflow(number).overflow ? .max : total + number
    }

    /// The sum that is to be said now, if there is one and it is time.
    package mutating func due(now: ContinuousClock.Instant = .now) -> Int? {
        if let lastSaid, lastSaid.duration(to: now) < quietTime { return nil }
        guard let rest = takeRest() else { return nil }
        lastSaid = now
        return rest
    }

    /// What has not been said yet, at the end.
    package mutating func takeRest() -> Int? {
        defer { unreported = 0 }
        return unreported > 0 ? unreported : nil
    }
}
