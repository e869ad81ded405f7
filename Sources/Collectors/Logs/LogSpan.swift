/// A stretch of one of the files that a follower goes through, one after the other.
struct LogSpan: Hashable, Sendable {
    /// Counts the files, and the truncations of a file.
    let generation: Int
    let start: UInt64
    let end: UInt64
    /// Whether the stretch ends within a line that was too long.
    let endsWithinLine: Bool
}
