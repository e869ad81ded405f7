// Exported for `PublisherConfiguration.journal`: Journal is no library for others, and `JournalConfiguration` is all that it makes public.
package import Diagnosis
@_exported public import Journal

/// How a publisher behaves.
public struct PublisherConfiguration: Sendable {
    /// How many envelopes libzmq may queue for each consumer that doesn't read, for the 15 s until it is disconnected. Large envelopes are
    /// also bounded in bytes, 64 MiB for all consumers together. The consumer has everything beyond that replayed.
    ///
    /// It can't be changed while a consumer is connected: libzmq's sending end then waits for an acknowledgement that the receiving end,
    /// which counts by the other mark, never sends (seen with 4.3.4 in both directions).
    public var highWaterMark: Int32 = 1024
    /// How long the last envelopes may take to be sent when the publisher closes.
    public var linger: Duration = .milliseconds(500)
    /// The time between two beats.
    public var beatInterval: Duration = BeatInterval.standard
    /// How long to wait for another publisher to give up the state directory.
    public var lockPatience: Duration = .seconds(5)
    /// How much the journal keeps, and how safely.
    public var journal = JournalConfiguration()
    /// How many named consumers may have a cursor: a master's reporter is one. What a consumer has not had is retained for it.
    public var consumers = 1024
    /// The names of the masters that this process reports to: they are among `consumers`, and nobody takes their places.
    package var masters: [String] = []
    /// Takes out of metrics what must not be published, before they are numbered and journalled; `position` is the one that follows them in their
    /// source. `nil`: everything is published as it is.
    package var redact:
        (@Sendable (_ metrics: [WorkerTrainingMetric], _ position: SourcePosition?) -> [WorkerTrainingMetric])?
    /// How many bytes a second all replays together may send; to clients of the network the same once more.
    public var replayBytesPerSecond = 128 << 20
    /// Where clients of the network may come; `nil`: nowhere.
    public var network: NetworkConfiguration?

    /// The defaults, which suit a node with one agent.
    public init() {}

    var places: ConsumerPlaces {
        ConsumerPlaces(most: consumers, masters: Set(masters.map(ConsumerName.init)))
    }
}
