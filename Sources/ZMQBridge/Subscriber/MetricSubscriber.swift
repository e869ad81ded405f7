public import Diagnosis
public import Logging
private import Synchronization
internal import SystemSupport

/// Reads the envelopes of one or several publishers as one stream for each lane: complete, in order, nothing twice, from where the
/// receiver wants it to begin. What was missed live (a late start, a full queue, a restart) is replayed; what is gone is stated as a gap.
///
/// `run` makes one thread, which owns the sockets. A lane for which the receiver has no room is dropped and replayed later, so the memory
/// stays bounded and nobody waits for the receiver.
public final class MetricSubscriber: Sendable {
    private struct State {
        var status: SubscriberStatus
        var waiters: [Waiter] = []
        var hasEnded = false
        var isStopping = false
        /// Accounts that the publishers were not told yet.
        var accounts: [PublisherID: ConsumerAccount] = [:]
    }

    private struct Waiter {
        let id: UInt64
        let isMet: @Sendable (SubscriberStatus) -> Bool
        let continuation: CheckedContinuation<Void, Never>
    }

    private let configuration: SubscriberConfiguration
    private let logger: Logger
    private let wakeup: Wakeup
    private let state: Mutex<State>

    /// Connects nowhere before `run`.
    ///
    /// - Throws: an error that says which system call failed.
    public init(
        configuration: SubscriberConfiguration, logger: Logger = Logger(label: "arobust.subscriber")
    ) throws {
        self.configuration = configuration
        self.logger = logger
        wakeup = try Wakeup()
        let connections = configuration.endpoints.map { SubscriberStatus.Connection(endpoint: $0) }
        state = Mutex(State(status: SubscriberStatus(connections: connections)))
    }

    /// What has been seen so far.
    public var status: SubscriberStatus {
        state.withLock { $0.status }
    }

    /// Reads until the task is cancelled or the receiver wants no more. To be called once.
    ///
    /// - Parameter receiver: called on the subscriber's thread; nothing else is read meanwhile.
    /// - Throws: `ZMQError` if an endpoint can't be connected to. A publisher that isn't there yet is waited for.
    public func run(_ receiver: any EnvelopeReceiver) async throws {
        try await PinnedThread.run(name: "arobust-sub", onCancel: { self.stop() }) { try self.read(receiver) }
    }

    private func stop() {
        state.withLock { $0.isStopping = true }
        wakeup.signal()
    }

    /// Must be called when the receiver has room again for a lane for which it had none. From any thread.
    public func roomChanged() {
        wakeup.signal()
    }

    /// Tells a publisher how far this consumer is, now or when it is next connected; a later account replaces an earlier one. Does nothing
    /// without `SubscriberConfiguration.consumer`. From any thread.
    public func commit(_ account: ConsumerAccount, to publisher: PublisherID) {
        state.withLock { $0.accounts[publisher] = account }
        wakeup.signal()
    }

    /// Waits until the status meets a condition, the subscriber ends, or the task is cancelled.
    ///
    /// - Parameter isMet: called under a lock; must do nothing but look at the status.
    public func wait(until isMet: @escaping @Sendable (SubscriberStatus) -> Bool) async {
        let id = UInt64.random(in: .min ... .max)
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isMetNow = state.withLock { state in
                    if state.hasEnded || Task.isCancelled || isMet(state.status) { return true }
                    state.waiters.append(Waiter(id: id, isMet: isMet, continuation: continuation))
                    return false
                }
                if isMetNow { continuation.resume() }
            }
        } onCancel: {
            releaseWaiters { $0.id == id }
        }
    }

    private func read(_ receiver: any EnvelopeReceiver) throws {
        defer {
            state.withLock { $0.hasEnded = true }
            releaseWaiters { _ in true }
        }
        let context = try ZMQContext()
        let connections = try configuration.endpoints.map {
            try SubscriberConnection(
                to: $0, configuration: configuration, receiver: receiver, context: context, logger: logger)
        }
        var poller = Poller()
        for connection in connections {
            _ = poller.add(connection.socket)
            _ = poller.add(connection.replay)
        }
        let signal = poller.add(descriptor: wakeup.descriptor)
        while !state.withLock(\.isStopping) {
            try poller.wait(milliseconds: 1000)
            if poller.isReady(signal) { wakeup.clear() }
            for (index, connection) in connections.enumerated() {
                let goesOn = try connection.turn(
                    liveIsReady: poller.isReady(2 * index), replayIsReady: poller.isReady(2 * index + 1))
                guard goesOn else { return }
                connection.logSilence(longerThan: BeatInterval.silence)
            }
            try commitAccounts(through: connections)
            publishStatus(of: connections)
        }
        try commitAccounts(through: connections)
    }

    private func commitAccounts(through connections: [SubscriberConnection]) throws {
        for connection in connections {
            guard let publisher = connection.status.publisher else { continue }
            try connection.commit(state.withLock { $0.accounts.removeValue(forKey: publisher) })
        }
    }

    private func publishStatus(of connections: [SubscriberConnection]) {
        var status = SubscriberStatus(connections: connections.map(\.status))
        for counts in connections.map(\.counts) {
            status.received += counts.received
            status.replayed += counts.replayed
            status.missing &+= counts.missing
            status.malformed += counts.malformed
            status.newerVersion += counts.newerVersion
            status.repeated += counts.repeated
        }
        let met = status
        state.withLock { $0.status = met }
        releaseWaiters { $0.isMet(met) }
    }

    private func releaseWaiters(where isMet: (Waiter) -> Bool) {
        let released = state.withLock { state in
            let pivot = state.waiters.partition(by: isMet)
            defer { state.waiters.removeSubrange(pivot...) }
            return state.waiters[pivot...].map(\.continuation)
        }
        for continuation in released { continuation.resume() }
    }
}

/// What a subscriber listens to.
public struct SubscriberConfiguration: Sendable, Hashable {
    /// One publisher each. One that isn't there yet is waited for.
    public var endpoints: [BusEndpoint]
    /// The data types to take; empty means all.
    public var dataTypes: Set<DiagnosisDataType>
    /// The name under which the publishers know this consumer; `nil` for one that keeps no cursor.
    public var consumer: String?
    /// In bytes: a larger frame ends the connection to its publisher.
    public var largestFrame: Int = 64 << 20
    /// In bytes: about the most that is handed over at once.
    public var batchBytes: Int = 1 << 20

    /// Reads all data types of the publishers, and keeps no cursor, unless told otherwise.
    public init(endpoints: [BusEndpoint], dataTypes: Set<DiagnosisDataType> = [], consumer: String? = nil) {
        self.endpoints = endpoints
        self.dataTypes = dataTypes
        self.consumer = consumer
    }
}

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
