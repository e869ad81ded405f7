import Diagnosis

/// How a DLRover master is called. An error has what the master said and what to do about it.
protocol DLRoverTransport: Sendable {
    /// Whether a DLRover up to 0.4, which has another module name, may be at the other end.
    var mayMeetOldModule: Bool { get }

    /// The largest message that any master of this kind receives.
    var longestMessage: Int { get }

    /// Where a task that makes many calls runs best; `nil` if it does not matter.
    var executor: (any TaskExecutor)? { get }

    /// Sends the message as a pickle of `module`'s class, for the master to take.
    func report(_ message: any DLRoverMessage, module: DLRoverModule) async throws(ReportError) -> DLRoverAnswer

    /// Sends the message as a pickle of `module`'s class, for the master to answer; without a message nothing is asked, which has no
    /// effect and shows whether the master takes calls of this job.
    ///
    /// - Returns: the pickle of the answer; empty if there is none.
    /// - Throws: `ReportError.Code.wrongJob` if the master belongs to another job.
    func get(_ message: (any DLRoverMessage)?, module: DLRoverModule) async throws(ReportError) -> [UInt8]

    func close() async
}

extension DLRoverTransport {
    var longestMessage: Int { .max }
    var executor: (any TaskExecutor)? { nil }
}

/// What a DLRover master answers to a report.
enum DLRoverAnswer: Sendable {
    /// `success=true`.
    case taken
    /// `success=false`, which has no reason with it.
    case notTaken
    /// The message is larger than the master's `limit`, so nothing of it was looked at.
    case tooLarge(limit: Int, error: ReportError)
}
