/// How far a client came with a batch.
public struct ReportOutcome: Sendable {
    /// Why an envelope was not accepted, and how many after it share its fate.
    public struct Failure: Sendable {
        /// How many envelopes the failed call carried: more than one if they were joined, and then a refusal may concern just one of them.
        public var count: Int
        public var error: ReportError

        public init(count: Int, error: ReportError) {
            self.count = count
            self.error = error
        }
    }

    /// An envelope that the client passed over, because this kind of master must not get it.
    public struct Skip: Hashable, Sendable {
        /// In the batch, from 0; less than `accepted`.
        public var index: Int
        /// The rule as the ledger names it, `no-hang-line`.
        public var rule: String
        /// A sentence for an operator: what was wrong with this one.
        public var reason: String

        public init(index: Int, rule: String, reason: String) {
            self.index = index
            self.rule = rule
            self.reason = reason
        }
    }

    /// How many envelopes from the front of the batch are done with: the master has accepted them, but for those in `skipped`.
    public var accepted: Int
    /// Why those after the accepted ones were not; `nil` when the whole batch is done with.
    public var failure: Failure?
    /// In the order of the batch.
    public var skipped: [Skip]
    /// How many of the accepted envelopes reached the master other than they came, by what was done: `line-cut`. An envelope may count
    /// under several.
    public var changed: [String: UInt64]

    public init(
        accepted: Int, failure: Failure? = nil, skipped: [Skip] = [], changed: [String: UInt64] = [:]
    ) {
        self.accepted = accepted
        self.failure = failure
        self.skipped = skipped
        self.changed = changed
    }
}
