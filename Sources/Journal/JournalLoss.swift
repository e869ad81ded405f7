/// Sequences of a lane that the journal had and no longer has.
public struct JournalLoss: Hashable, Sendable {
    public enum Reason: String, Sendable {
        /// Deleted to stay within the bounds.
        case evicted
        /// Set aside with its segment, since that is not what was written.
        case corrupt
    }

    public var lane: String
    public var epoch: UInt64
    public var first: UInt64
    public var last: UInt64
    /// How many of the range were stored; where that could no longer be read, all of them.
    public var count: UInt64
    public var reason: Reason
}

extension JournalLoss: CustomStringConvertible {
    public var description: String { "\(lane) \(epoch)/\(first)...\(last) (\(count) \(reason))" }
}
