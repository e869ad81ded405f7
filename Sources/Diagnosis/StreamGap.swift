/// Envelopes of a lane that a consumer will not get, and why.
public struct StreamGap: Hashable, Sendable {
    /// Why they are gone, as ledgers name it.
    public struct Reason: RawRepresentable, Hashable, Sendable, Codable {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// Deleted from the journal to stay within its bounds.
        public static let evicted = Reason(rawValue: "evicted")
        /// Set aside with a damaged part of the journal.
        public static let corrupt = Reason(rawValue: "corrupt")
        /// The journal never had them, since it could not be written (a full disk), and they were missed live.
        public static let volatile = Reason(rawValue: "volatile")
        /// Not in the journal though it has what came before and after, and nothing says why: a file was removed, or the publisher was
        /// killed while a full disk kept both journal and ledger from being written.
        public static let missing = Reason(rawValue: "missing")
    }

    public var lane: Lane
    /// They come after this place …
    public var after: LanePosition
    /// … and this is the last of them.
    public var through: LanePosition
    /// How many they are. Between two epochs, only the publisher can tell.
    public var count: UInt64
    public var reason: Reason

    public init(lane: Lane, after: LanePosition, through: LanePosition, count: UInt64, reason: Reason) {
        self.lane = lane
        self.after = after
        self.through = through
        self.count = count
        self.reason = reason
    }
}
