public import Diagnosis

/// What a subscriber has seen so far.
public struct SubscriberStatus: Sendable, Hashable {
    /// One publisher's connection.
    public struct Connection: Sendable, Hashable {
        public var endpoint: BusEndpoint
        /// `nil` until something of it has come.
        public var publisher: PublisherID?
        /// The publish time in ns since 1970 of the last beat up to which everything wanted has been handed over, or stated as gone; 0
        /// before the first. By the publisher's clock, which may be set back.
        public var deliveredThrough: UInt64 = 0
    }

    public var connections: [Connection]
    /// Envelopes handed over, live and replayed.
    public var received: UInt64 = 0
    /// Those of them that came by replay.
    public var replayed: UInt64 = 0
    /// Envelopes that are gone.
    public var missing: UInt64 = 0
    /// Messages that are no envelopes.
    public var malformed: UInt64 = 0
    /// Envelopes of a newer version of the wire format.
    public var newerVersion: UInt64 = 0
    /// Live envelopes that had been there already, or that the replay brings.
    public var repeated: UInt64 = 0
}
