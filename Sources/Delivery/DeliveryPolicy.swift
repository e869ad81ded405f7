package import Diagnosis

/// How envelopes are sent to a master. The defaults suit a DLRover master.
package struct DeliveryPolicy: Sendable, Hashable {
    /// Where a lane begins that is new to the consumer.
    package enum FirstStart: String, Sendable, Hashable {
        /// With the oldest envelope that the publisher has retained.
        case oldest
        /// With what is published from now on.
        case now
    }

    /// The most envelopes in a batch.
    package var batchCount = 1024
    /// The most bytes in a batch, about.
    package var batchBytes = 1 << 20
    /// How long an envelope may wait for others to go with it.
    package var batchTime: Duration = .seconds(1)
    /// The most calls under way, of all lanes and nodes together.
    package var callsUnderWay = 8
    /// How many bytes of envelopes may wait in memory for the master. More wait in the publisher's journal.
    package var queueBytes = 8 << 20
    package var firstStart = FirstStart.oldest
    package var backoff = Backoff()
    /// The node's place among the nodes that report to the master, from 0 up to, not including, 1; `nil`: it is alone. See `FlushPhase`.
    package var share: Double?
    /// The node that comes last waits so long after a start before it sends anything but `firstTypes`, the others their share of it.
    package var startSpread: Duration = .zero
    /// After this many failures in a row the master's breaker opens. Concurrent calls that fail count as one failure.
    package var breakerFailures = 5
    /// After this many refused envelopes of one data type in a row, the type is held.
    package var typeBreakerRefusals = 5
    /// How long a type is held at first …
    package var typeBreakerPause: Duration = .seconds(30)
    /// … and at most, after doublings.
    package var typeBreakerLongestPause: Duration = .seconds(600)
    /// Envelopes collected longer ago are not sent; `nil` or zero: all are sent.
    package var timeToLive: Duration?
    /// The same for single types, instead of `timeToLive`.
    package var timeToLiveByType: [DiagnosisDataType: Duration] = [:]
    /// Envelopes collected further ahead of this node's clock are not sent; `nil`: all are sent.
    package var longestAhead: Duration?
    /// Types of which a master gets one sample for each node and slot of this length (whole seconds), and none twice: for masters that
    /// count samples.
    package var sampleSlots: [DiagnosisDataType: Duration] = [:]
    /// How many bytes a second are sent of envelopes that were published more than five seconds ago; `nil`: as many as the master takes.
    package var catchUpBytesPerSecond: Int?
    /// What is sent first when several types wait …
    package var firstTypes: [DiagnosisDataType] = [.incident, .stackTrace]
    /// … and what is sent last. All other types come between the two.
    package var lastTypes: [DiagnosisDataType] = [.trainingLog]

    package init() {}

    /// The smaller, the sooner it is sent.
    func rank(of type: DiagnosisDataType) -> Int {
        if let index = firstTypes.firstIndex(of: type) { return index - firstTypes.count }
        return lastTypes.firstIndex(of: type).map { $0 + 1 } ?? 0
    }

    /// Which times of collection the master is sent.
    var window: CollectionTimeWindow {
        CollectionTimeWindow(oldest: timeToLive, oldestByType: timeToLiveByType, ahead: longestAhead)
    }
}
