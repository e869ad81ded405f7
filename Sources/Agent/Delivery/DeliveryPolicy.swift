/// How a master is served.
public struct DeliveryPolicy: Sendable, Hashable {
    /// The most envelopes in a batch.
    public var batchCount = 1024
    /// The most bytes in a batch, about.
    public var batchBytes = 1 << 20
    /// How long an envelope may wait for others to go with it.
    public var batchTime: Duration = .seconds(1)
    /// How many bytes may wait for the master. Beyond, the oldest are given up and counted.
    public var queueBytes = 64 << 20
    public var backoff = Backoff()

    public init() {}
}
