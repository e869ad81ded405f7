package import Diagnosis

/// Where a consumer's ledger is kept. Tests use one in memory.
package protocol LedgerStorage: Sendable {
    /// The consumer's name.
    var consumer: String { get }

    /// All lanes, as they were when the store was opened.
    var lanes: [Lane: StoredLane] { get }

    /// The slots that were taken when the store was opened.
    var slots: [SlotMark] { get }

    /// Stores the commit, or answers which lanes could not be stored. Returns when it is done, which may take seconds: even if the task
    /// is cancelled, no commit is left half done. One call at a time.
    func write(_ commit: LedgerCommit) async -> CommitResult

    /// Throws if others no longer find what is written, since it was moved or removed.
    func checkPlace() async throws

    /// Ends the store. What was written is kept.
    func close() async
}

extension LedgerStorage {
    package func checkPlace() async throws {}
}

/// A lane as it is in the consumer's store.
package struct StoredLane: Hashable, Sendable {
    package var origin: LanePosition
    package var cursor: LanePosition
    /// What is finished beyond the cursor: in order, neighbours joined.
    package var ahead: [SequenceRange]
    package var counts: LaneCounts

    package init(
        origin: LanePosition, cursor: LanePosition, ahead: [SequenceRange] = [], counts: LaneCounts = LaneCounts()
    ) {
        self.origin = origin
        self.cursor = cursor
        self.ahead = ahead
        self.counts = counts
    }

    /// What the consumer says of the lane to its publisher.
    func account(of type: DiagnosisDataType) -> ConsumerAccount.Lane {
        var account = ConsumerAccount.Lane(dataType: type, through: cursor)
        account.origin = origin
        account.ahead = ahead.reduce(0) { $0 + $1.count }
        account.delivered = counts.delivered
        account.skipped = counts.skipped
        account.lost = counts.lost
        account.changed = counts.changed.isEmpty ? nil : counts.changed
        return account
    }
}

extension [Lane: StoredLane] {
    /// One account for each publisher.
    func accounts(consumer: String, state: [String: String] = [:]) -> [PublisherID: ConsumerAccount] {
        var accounts: [PublisherID: ConsumerAccount] = [:]
        for (lane, stored) in self {
            accounts[lane.publisher, default: ConsumerAccount(consumer: consumer, state: state)].lanes
                .append(stored.account(of: lane.dataType))
        }
        for publisher in accounts.keys {
            accounts[publisher]?.lanes.sort { $0.dataType.rawValue < $1.dataType.rawValue }
        }
        return accounts
    }
}
