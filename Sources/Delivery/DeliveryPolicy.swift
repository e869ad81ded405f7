package import Diagnosis

/// How a master is served. The defaults are right for DLRover's master.
package struct DeliveryPolicy: Sendable, Hashable {
    /// Where a lane begins that the consumer has never met.
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
    /// How much memory may hold envelopes for the master. What comes then waits in the publisher's journal.
    package var queueBytes = 8 << 20
    package var firstStart = FirstStart.oldest
    package var backoff = Backoff()
    /// After so many failures in a row the master's breaker is open. Calls that failed side by side count as one.
    package var breakerFailures = 5
    /// After so many envelopes of one data type that were refused in a row, the type is held.
    package var typeBreakerRefusals = 5
    /// How long a type is held at first …
    package var typeBreakerPause: Duration = .seconds(30)
    /// … and at most, after doublings.
    package var typeBreakerLongestPause: Duration = .seconds(600)
    /// An envelope whose collection is longer ago is not sent any more; `nil` or zero: every envelope is sent.
    package var timeToLive: Duration?
    /// The same for single types, before `timeToLive`.
    package var timeToLiveByType: [DiagnosisDataType: Duration] = [:]
    /// An envelope whose collection is further ahead of this node's clock is not sent; `nil`: every envelope is sent.
    package var longestAhead: Duration?
    /// Types of which a master gets one sample for each node and slot of this length, in whole seconds, and each at most once: for a
    /// master that counts samples.
    package var sampleSlots: [DiagnosisDataType: Duration] = [:]
    /// How many bytes a second may be sent of what was published more than five seconds ago; `nil`: as many as the master takes.
    package var catchUpBytesPerSecond: Int?
    /// What is sent first when several types wait …
    package var firstTypes: [DiagnosisDataType] = [.stackTrace]
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
