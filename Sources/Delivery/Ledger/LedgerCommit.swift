package import Diagnosis

/// What is to be made durable at once.
package struct LedgerCommit: Sendable {
    package var lanes: [Lane: LaneCommit] = [:]
    /// To be written before the transaction, so that no envelope is passed as refused without its letter.
    package var deadLetters: [Lane: [DeadLetter]] = [:]
}
