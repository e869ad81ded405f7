/// A master's client that can tell of failures.
public protocol FailureReporter: Sendable {
    /// Reports the failure, and returns once the master has taken it.
    func reportFailures(_ failure: NodeFailure) async throws(ReportError)
}
