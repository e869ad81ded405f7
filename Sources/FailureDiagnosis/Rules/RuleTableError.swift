/// A rule file that cannot be used.
public struct RuleTableError: Error, Hashable, CustomStringConvertible {
    /// The file and line.
    public let place: String
    /// What is wrong, and what is allowed.
    public let reason: String

    public var description: String { "\(place): \(reason)" }
}
