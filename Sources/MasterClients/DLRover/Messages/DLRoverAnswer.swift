import Diagnosis

/// What a DLRover master says of a report that it got.
enum DLRoverAnswer: Sendable {
    /// `success=true`.
    case taken
    /// `success=false`, which has no reason with it.
    case notTaken
    /// The message is larger than the `limit` that the master receives; nothing was looked at.
    case tooLarge(limit: Int, error: ReportError)
}
