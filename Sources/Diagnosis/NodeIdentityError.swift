/// An environment variable of the node's identity that cannot be used.
public struct NodeIdentityError: Error, Hashable, CustomStringConvertible {
    public let variable: String
    public let value: String
    /// What would have been taken, to follow "must be".
    public let allowed: String

    public var description: String {
        "environment variable \(variable) is '\(value)'; it must be \(allowed)"
    }
}
