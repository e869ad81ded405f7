/// How a publisher behaves.
public struct PublisherConfiguration: Sendable, Hashable {
    /// How many envelopes libzmq may hold for each consumer that doesn't read, for the 15 s until it is taken for gone: the memory is
    /// bounded by this times the largest envelope. What is published beyond is lost for that consumer, which sees it from the sequences.
    ///
    /// It can't be changed while a consumer is connected: libzmq's writing end then waits for a sign that the reading end, which
    /// counts by the other mark, never gives (seen with 4.3.4 in both directions).
    public var highWaterMark: Int32 = 4096
    /// How long the last envelopes may take to leave when the publisher closes.
    public var linger: Duration = .milliseconds(500)
    /// The time between two beats.
    public var beatInterval: Duration = .seconds(1)
    /// How long to wait for another publisher to leave the state directory.
    public var lockPatience: Duration = .seconds(5)

    public init() {}
}
