/// A value of `MasterClientOptions` that cannot be used.
public struct MasterClientOptionsError: Error, Hashable, CustomStringConvertible {
    public let option: String
    /// What would have been taken, to follow "must be".
    public let allowed: String

    public var description: String { "the option \(option) of a master's client must be \(allowed)" }
}
