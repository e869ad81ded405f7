/// What a failure was, and what to do.
public struct FailureVerdict: Hashable, Sendable {
    public var action: DiagnosisAction
    /// The first root cause; `nil`: nothing names one.
    public var cause: Evidence?
    /// The cause, then other roots and confirmations, then cascades and information; at most 20.
    public var evidence: [Evidence]
    /// A sentence that says why the action was chosen.
    public var reason: String
    /// How many lines follow from a failure elsewhere, by rule.
    public var cascades: [String: Int]
    /// What was not read, and why.
    public var notes: [String]
    /// Tells this failure from others by the same rule: the same however often it is diagnosed. `nil`: there is no cause.
    public var signature: String?
    /// When the diagnosis was made, in seconds since 1970.
    public var timestamp: Int
}
