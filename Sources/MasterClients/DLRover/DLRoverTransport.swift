import Diagnosis

/// How a DLRover master is called. A failure comes with what the master said and what to do about it.
protocol DLRoverTransport: Sendable {
    /// Whether a DLRover up to 0.4, which has another module name, may be at the other end.
    var mayMeetOldModule: Bool { get }

    /// Where a task that makes many calls best runs; `nil` if it does not matter.
    var executor: (any TaskExecutor)? { get }

    /// Sends the report as a pickle of `module`'s class.
    ///
    /// - Returns: what the master answered as `success`.
    func report(_ report: DLRoverReport, module: DLRoverModule) async throws(ReportError) -> Bool

    /// Asks the master something without effect, and returns if it takes calls of this job.
    ///
    /// - Throws: `ReportError.Code.wrongJob` if not.
    func checkJob() async throws(ReportError)

    func close() async
}

extension DLRoverTransport {
    var executor: (any TaskExecutor)? { nil }
}
