/// What a line that a rule hits says about the failure.
public enum RuleRole: String, CaseIterable, Hashable, Sendable {
    /// It may be where the failure began.
    case rootCause = "root-cause"
    /// It follows from a failure elsewhere, in another rank as a rule. Counted, never blamed.
    case cascade
    /// It confirms a failure and names its kind; decides only where nothing says more.
    case confirmation
    /// Worth showing, says nothing about the cause.
    case information
    /// The training starts here: what stands before it in the file belongs to an earlier attempt.
    case start
}
