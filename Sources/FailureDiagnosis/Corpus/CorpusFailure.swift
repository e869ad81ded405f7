/// Something in the corpus that the rules do not find as they must.
public struct CorpusFailure: Hashable, Sendable, CustomStringConvertible {
    /// The corpus's file and line.
    public let place: String
    public let reason: String

    public var description: String { "\(place): \(reason)" }
}
