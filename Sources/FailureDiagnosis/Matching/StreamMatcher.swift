/// Counts the rules' hits in a stream, for the status and the metrics; its memory does not grow with the stream.
///
/// A value: who shares it among tasks puts it under a lock, and matches under none by way of `RuleMatcher`.
public struct StreamMatcher: Sendable {
    /// The last line that was hit.
    public struct LastHit: Hashable, Sendable {
        public let ruleID: String
        public let domain: RuleDomain
        public let role: RuleRole
        /// At most 1000 bytes of the line.
        public let text: String
        /// Seconds since 1970, as given with the batch.
        public let time: Double
    }

    /// The rules.
    public let matcher: RuleMatcher
    /// How many lines were hit, by domain and role; a line that several rules hit counts for the first of them.
    public private(set) var counts: [RuleDomain: [RuleRole: Int]] = [:]
    /// The last hit of all, and the last that may be a root cause.
    public private(set) var lastHit: LastHit?
    public private(set) var lastRootCause: LastHit?
    /// How much has been searched.
    public private(set) var bytes = 0

    public init(_ matcher: RuleMatcher) {
        self.matcher = matcher
    }

    /// Takes a batch of whole lines.
    public mutating func consume(_ batch: ArraySlice<UInt8>, time: Double) {
        bytes += batch.count
        var line: Range<Int>?
        for hit in matcher.hits(in: batch) where hit.line != line {
            line = hit.line
            let rule = matcher.table.rules[hit.rule]
            counts[rule.domain, default: [:]][rule.role, default: 0] += 1
            let text = batch.withUnsafeBytes { LineText.shown(UnsafeRawBufferPointer(rebasing: $0[hit.line])) }
            let seen = LastHit(ruleID: rule.id, domain: rule.domain, role: rule.role, text: text, time: time)
            lastHit = seen
            if rule.role == .rootCause { lastRootCause = seen }
        }
    }
}
