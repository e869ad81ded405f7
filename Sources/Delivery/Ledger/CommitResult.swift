package import Diagnosis

/// What became of a `LedgerCommit`.
package struct CommitResult: Sendable {
    /// Lanes of which nothing was stored, maybe none. The same may be tried again.
    package var failed: Set<Lane> = []
    /// Lanes whose dead letters were written, even if then the transaction failed.
    package var lettersWritten: Set<Lane> = []
    /// What went wrong: a sentence for an operator.
    package var error: String?

    package init() {}
}
