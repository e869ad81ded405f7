/// A failure that is remembered on this node.
package struct EarlierFailure: Codable, Hashable, Sendable {
    /// When it was diagnosed, in seconds since 1970.
    package var time: Int64
    /// The cause's rule.
    package var rule: String
    /// Tells this failure from others by the same rule.
    package var signature: String
    /// The job; `nil` or empty where nobody names one.
    package var job: String?
    /// How often the training had been restarted.
    package var attempt: Int?
    /// The rank that failed first.
    package var rank: Int?
    /// The node's id in the job.
    package var node: Int?
    /// The part of the system that failed: a `RuleDomain`.
    package var domain: String?
    /// The same for failures that began with the same line, but for numbers.
    package var fingerprint: String?
    /// How far the attempt came; `nil`: unknown.
    package var reached: TrainingReach?

    package init(time: Int64, rule: String, signature: String) {
        self.time = time
        self.rule = rule
        self.signature = signature
    }
}

/// How far an attempt of a training came.
package struct TrainingReach: Codable, Hashable, Sendable {
    /// What is counted: `step`, `epoch`. Empty if the training made no step at all.
    package var unit: String
    /// The counters of the highest line, in its order.
    package var counts: [Double]

    package init(unit: String, counts: [Double]) {
        self.unit = unit
        self.counts = counts
    }

    /// Whether this attempt came farther than an earlier one; `nil` if they can't be compared.
    package func isBeyond(_ earlier: TrainingReach) -> Bool? {
        if unit.isEmpty { return false }
        if earlier.unit.isEmpty { return true }
        guard unit == earlier.unit, counts.count == earlier.counts.count else { return nil }
        return earlier.counts.lexicographicallyPrecedes(counts)
    }

    /// `step 1580`, `no step`
    package var text: String {
        guard !unit.isEmpty, let first = counts.first else { return "no step" }
        return "\(unit) \(first == first.rounded() && abs(first) < 1e15 ? "\(Int(first))" : "\(first)")"
    }
}
