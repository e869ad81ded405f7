/// Counts something for the log: says the first at once, then the sum at most once in a while.
package struct QuietCounter {
    private let quietTime: Duration
    private var unsaid = 0
    private var lastSaid: ContinuousClock.Instant?
    /// All that was ever counted.
    package private(set) var total = 0

    /// - Parameter quietTime: how long nothing is said after something was.
    package init(quietTime: Duration = .seconds(10)) {
        self.quietTime = quietTime
    }

    package mutating func count(_ number: Int) {
        unsaid = unsaid.addingReportingOverflow(number).overflow ? .max : unsaid + number
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
        defer { unsaid = 0 }
        return unsaid > 0 ? unsaid : nil
    }
}
