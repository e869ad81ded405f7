/// Why bytes are not a metric's JSON.
public struct MetricJSONError: Error, Hashable, CustomStringConvertible {
    /// Where reading stopped, in bytes from the start.
    public let offset: Int
    /// What was found there and what is allowed.
    public let reason: String

    public var description: String { "at byte \(offset): \(reason)" }
}
