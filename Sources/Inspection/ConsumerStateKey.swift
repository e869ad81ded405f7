/// What the text of a status looks for in `ConsumerAccount.state`; everything else there is shown under its own name.
public enum ConsumerStateKey {
    /// `closed`, `open` or `half-open`, and whatever else is worth saying.
    public static let breaker = "breaker"
    public static let lastError = "last_error"
    /// A UTC time (RFC 3339), or seconds since 1970.
    public static let lastErrorTime = "last_error_time"
}
