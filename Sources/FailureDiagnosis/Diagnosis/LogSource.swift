/// A file that a rank has written.
public struct LogSource: Hashable, Sendable {
    public var path: String
    /// The rank that wrote it; `nil`: several, or the launcher. A line's own `[rank3]:` holds then.
    public var rank: Int?

    public init(path: String, rank: Int? = nil) {
        self.path = path
        self.rank = rank
    }
}
