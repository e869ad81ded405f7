/// The files of one failed training, and what the diagnosis must find in them.
struct CorpusJob: Sendable {
    var name: String
    var place: String
    /// The cause's rule; `nil`: none must be found.
    var rule: String?
    var action: String
    var rank: Int?
    var failure: TrainingFailure
    var failureNodeErrors: String?
}
