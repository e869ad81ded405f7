/// Sequences that a reader asked for and that are not there.
public struct JournalGap: Hashable, Sendable {
    public enum Reason: String, Sendable {
        /// They were deleted to stay within the bounds.
        case evicted
        /// They were set aside with a corrupt segment.
        case corrupt
        /// They are not there, and this run does not know why: they were never appended, or went in an earlier run.
        case absent
    }

    /// They come after this point …
    public var after: LanePoint
    /// … and this is the last of them.
    public var through: LanePoint
    public var reason: Reason
}
