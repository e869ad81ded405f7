/// A place in a segment that is not what was written.
public struct JournalProblem: Hashable, Sendable, CustomStringConvertible {
    public var path: String
    public var offset: UInt64
    public var reason: String

    public var description: String { "\(path) at byte \(offset): \(reason)" }
}
