public import Journal

/// How a publisher behaves.
public struct PublisherConfiguration: Sendable {
    /// How many envelopes libzmq may hold for each consumer that doesn't read, for the 15 s until it is taken for gone: the memory is
    /// bounded by this times the largest envelope. What is published beyond, that consumer has to ask for again.
    ///
    /// It can't be changed while a consumer is connected: libzmq's writing end then waits for a sign that the reading end, which
    /// counts by the other mark, never gives (seen with 4.3.4 in both directions).
    public var highWaterMark: Int32 = 256
    /// How long the last envelopes may take to leave when the publisher closes.
    public var linger: Duration = .milliseconds(500)
    /// The time between two beats.
    public var beatInterval: Duration = .seconds(1)
    /// How long to wait for another publisher to leave the state directory.
    public var lockPatience: Duration = .seconds(5)
    /// How the journal is kept. Its number of lanes is the publisher's own affair.
    public var journal = JournalConfiguration()
    /// How many bytes a second all replays together may read.
    public var replayBytesPerSecond = 128 << 20

    public init() {}
}
