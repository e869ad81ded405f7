internal import Diagnosis
internal import Journal

/// What came of a group of requests.
struct PublishOutcome: Sendable {
    /// One for each request: why it was not published, or `nil`.
    var failures: [ReportError?]
    /// What the journal had to let go of.
    var losses: [JournalLoss] = []
    /// What was published though the journal could not be written.
    var volatile: [(lane: String, range: EpochRange)] = []
    /// Why it could not.
    var journalError: JournalError?
}
