/// How much a console keeps.
package struct ConsoleStoreOptions: Hashable, Sendable {
    /// The most bytes of the database; a tenth of it is a reserve for failures, incidents and gaps.
    package var limitBytes: Int64 = 4 << 30
    /// After how long what was reported is dropped.
    package var age: Duration = .seconds(7 * 86400)
    /// A node that was not heard for longer is silent.
    package var silentAfter: Double = 5
    /// The longest that a question may take.
    package var questionTime: Duration = .seconds(5)

    package init() {}
}

/// What a call of `ConsoleStore.take` came to. Either all of its envelopes are on the disk or, with a `failure`, none.
package struct TakeOutcome: Sendable {
    /// An envelope that is no metric: it is counted and passed over.
    package struct Refusal: Hashable, Sendable {
        /// Which of the batches.
        package var batch: Int
        /// Which envelope of the batch.
        package var index: Int
        package var reason: String
    }

    /// New envelopes.
    package var taken = 0
    /// Envelopes that the store had already.
    package var duplicates = 0
    /// Envelopes that were skipped by the sender or got lost.
    package var missing: Int64 = 0
    package var refused: [Refusal] = []
    package var failure: Failure?

    /// Why nothing was kept, in a sentence. Another try may go well.
    package struct Failure: Hashable, Sendable {
        package var reason: String
    }
}

/// What has changed since the one before; several changes become one.
package struct StoreChange: Hashable, Sendable, Codable {
    package enum Part: String, Hashable, Sendable, Codable, CaseIterable {
        case logs, metrics, incidents, failures, nodes
    }

    package var lastLineID: Int64
    /// How many lines there are.
    package var lines: Int64
    /// Counts transactions.
    package var number: UInt64
    /// What has ever changed is newer than what number.
    package var parts: [Part: UInt64]

    /// What changed after the change with a number.
    package func what(since number: UInt64) -> [Part] {
        Part.allCases.filter { (parts[$0] ?? 0) > number }
    }
}

/// Counters for `/metrics`, since the store was opened.
package struct StoreCounters: Hashable, Sendable {
    package var envelopes: UInt64 = 0
    package var duplicates: UInt64 = 0
    package var missing: UInt64 = 0
    package var refused: UInt64 = 0
    /// Bytes of bodies.
    package var bytes: UInt64 = 0
    package var transactions: UInt64 = 0
    package var failedTransactions: UInt64 = 0
    /// Bytes on the disk now.
    package var storeBytes: Int64 = 0
    /// Lines that were dropped because of age or size.
    package var dropped: UInt64 = 0
    /// Series that were left out because a node has too many.
    package var leftOutSeries: UInt64 = 0
    /// `nil`: the store can be written.
    package var problem: String?
}
