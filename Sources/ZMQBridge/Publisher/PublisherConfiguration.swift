/// How a publisher behaves.
public struct PublisherConfiguration: Sendable, Hashable {
    /// How many bytes of envelopes libzmq may hold for each consumer that doesn't read, about. What is published beyond is lost for
    /// that consumer, which sees it from the sequences.
    public var queueBytesPerConsumer: Int = 32 << 20
    /// How long the last envelopes may take to leave when the publisher closes.
    public var linger: Duration = .milliseconds(500)
    /// The time between two beats.
    public var beatInterval: Duration = .seconds(1)
    /// How long to wait for another publisher to leave the state directory.
    public var lockPatience: Duration = .seconds(5)

    public init() {}
}
