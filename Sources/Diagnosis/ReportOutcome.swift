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

    /// How many envelopes from the front of the batch the master has accepted.
    public var accepted: Int
    /// Why those after the accepted ones were not; `nil` when the whole batch was accepted.
    public var failure: Failure?

    public init(accepted: Int, failure: Failure? = nil) {
        self.accepted = accepted
        self.failure = failure
    }
}
