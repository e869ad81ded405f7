/// What a consumer's stream consists of. The items of one lane come in its order, without a hole and without a repetition.
public enum StreamItem: Sendable {
    /// The lane's stream begins after this place. Comes once, before the lane's first other item, unless the consumer itself said
    /// with `StreamStart.after` where it begins.
    case start(Lane, after: LanePosition)
    /// Envelopes whose sequences continue the lane's previous item without a hole.
    case batch(EnvelopeBatch)
    /// Envelopes that are lost.
    case gap(StreamGap)
}

/// Envelopes of a lane that a consumer will not get, and why.
public struct StreamGap: Hashable, Sendable {
    /// Why they are gone, as ledgers name it.
    public struct Reason: RawRepresentable, Hashable, Sendable, Codable {
        /// The reason's name in ledgers and on the wire.
        public let rawValue: String

        /// Takes any name: a newer publisher may have more reasons.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// Deleted from the journal to stay within its bounds.
        public static let evicted = Reason(rawValue: "evicted")
        /// Set aside with a damaged part of the journal.
        public static let corrupt = Reason(rawValue: "corrupt")
        /// The journal never had them, since it could not be written (a full disk), and they were missed live.
        public static let volatile = Reason(rawValue: "volatile")
        /// Not in the journal, though it has those before and after, and nothing says why: a file was removed, or the publisher was killed
        /// while a full disk kept both journal and ledger from being written.
        public static let missing = Reason(rawValue: "missing")
        /// A stream between the publisher and this consumer never had them: what wrote to it had lost or skipped them.
        public static let upstream = Reason(rawValue: "upstream")
        /// Another reader of the stream, which shares the consumer's work, had them, or nobody: this one cannot know.
        public static let elsewhere = Reason(rawValue: "elsewhere")
    }

    /// The lane that they belonged to.
    public var lane: Lane
    /// They come after this place …
    public var after: LanePosition
    /// … and this is the last of them.
    public var through: LanePosition
    /// How many there are. Between two epochs, only the publisher can tell.
    public var count: UInt64
    /// Why they are gone.
    public var reason: Reason

    /// Makes a gap.
    package init(lane: Lane, after: LanePosition, through: LanePosition, count: UInt64, reason: Reason) {
        self.lane = lane
        self.after = after
        self.through = through
        self.count = count
        self.reason = reason
    }
}

/// Where a consumer's stream of a lane begins.
public enum StreamStart: Hashable, Sendable {
    /// After this place: a cursor.
    case after(LanePosition)
    /// With the oldest envelope that the publisher has retained.
    case oldest
    /// With what is published from now on.
    case now
    /// With what was collected at this time or later, as exactly as journal records tell. Seconds since 1970.
    case since(Int64)
    /// With the last so many envelopes.
    case last(UInt64)
    /// With this sequence in the lane's newest epoch.
    case sequence(UInt64)
}
