package import SystemSupport

/// Where a master's envelopes come from: the bus, or a stream that a bus was brought into.
package protocol EnvelopeSource: Sendable {
    /// Reads until the task is cancelled or the receiver wants no more. To be called once.
    ///
    /// - Throws: what the reading cannot begin with. What is only away is waited for.
    func run(_ receiver: any EnvelopeReceiver) async throws

    /// Must be called when the receiver has room again for a lane for which it had none. From any thread.
    func roomChanged()

    /// Takes in how far the receiver is with a publisher's lanes. From any thread.
    func commit(_ account: ConsumerAccount, to publisher: PublisherID)

    /// Waits until what was published up to now has been handed over, where that has an end.
    func waitForRest() async

    /// Says that the reading goes on.
    var workingPart: WorkingPart { get }

    /// What has been seen so far, for the log: `received`, `missing` and others.
    var counts: [(name: String, count: UInt64)] { get }
}
