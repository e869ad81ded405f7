public import Diagnosis

/// What a subscriber has seen so far.
public struct SubscriberStatus: Sendable, Hashable {
    /// One publisher's connection.
    public struct Connection: Sendable, Hashable {
        /// Where the publisher's sockets are.
        public var endpoint: BusEndpoint
        /// `nil` until its first beat has come.
        public var publisher: PublisherID?
        /// The publish time in ns since 1970 of the last beat up to which everything wanted has been handed over, or stated as gone; 0
        /// before the first. By the publisher's clock, which may be set back.
        public var deliveredThrough: UInt64 = 0
        /// Why the publisher does not let this client in, as a part of a sentence; over the network alone.
        public var obstacle: String?
    }

    /// One for each endpoint, in the configuration's order.
    public var connections: [Connection]
    /// Envelopes handed over, live and replayed.
    public var received: UInt64 = 0
    /// Those of them that were replayed.
    public var replayed: UInt64 = 0
    /// Envelopes that are gone.
    public var missing: UInt64 = 0
    /// Messages that are not envelopes.
    public var malformed: UInt64 = 0
    /// Envelopes of a newer version of the wire format.
    public var newerVersion: UInt64 = 0
    /// Live envelopes that had come before, or that a replay brings.
    public var repeated: UInt64 = 0
}

/// What a connection has seen so far; `SubscriberStatus` explains each.
struct SubscriberCounts {
    var received: UInt64 = 0
    var replayed: UInt64 = 0
    var missing: UInt64 = 0
    var malformed: UInt64 = 0
    var newerVersion: UInt64 = 0
    var repeated: UInt64 = 0
}
