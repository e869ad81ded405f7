public import Diagnosis

/// What a subscriber has seen so far.
public struct SubscriberStatus: Sendable, Hashable {
    /// One publisher's connection.
    public struct Connection: Sendable, Hashable {
        public var endpoint: BusEndpoint
        /// `nil` until something of it has come.
        public var publisher: PublisherID?
        /// The publish time of its last beat in ns since 1970, 0 before the first: everything published earlier has been delivered,
        /// or is counted as missing. By the publisher's clock, which may be set back.
        public var lastBeat: UInt64 = 0
    }

    public var connections: [Connection]
    /// Envelopes delivered.
    public var received: UInt64 = 0
    /// Envelopes missing.
    public var missing: UInt64 = 0
    /// Messages that are no envelopes.
    public var malformed: UInt64 = 0
    /// Envelopes of a newer version of the wire format.
    public var newerVersion: UInt64 = 0
    /// Envelopes that had been there already.
    public var repeated: UInt64 = 0
}
