package import Diagnosis

/// Where a consumer's ledger is kept. A fake stands here in tests.
package protocol LedgerStorage: Sendable {
    /// The consumer's name.
    var consumer: String { get }

    /// All lanes, as they were when the store was opened.
    var lanes: [Lane: StoredLane] { get }

    /// The slots that were taken when the store was opened.
    var slots: [SlotMark] { get }

    /// Stores what the commit says, or answers which lanes it could not. Returns when it is done, which may take seconds: a commit
    /// is never left half, whatever happens to the task. One call at a time.
    func write(_ commit: LedgerCommit) async -> CommitResult

    /// Ends the store. What was written is kept.
    func close() async
}
