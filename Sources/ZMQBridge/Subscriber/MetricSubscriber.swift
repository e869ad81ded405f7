public import Diagnosis
public import Logging
private import Synchronization
package import SystemSupport

/// Reads the envelopes of one or several publishers as one stream for each lane: complete, in order, nothing twice, from where the
/// receiver wants it to begin. What was missed live (a late start, a full queue, a restart) is replayed; what is gone is stated as a gap.
///
/// A thread owns the sockets: that of the `SubscriberThread` it is given, which any number of subscribers may share, or one of its own. A lane
/// for which the receiver has no room is dropped and replayed later, so the memory stays bounded and nobody waits for the receiver.
public final class MetricSubscriber: Sendable {
    private struct State {
        var status: SubscriberStatus
        var waiters: [Waiter] = []
        var hasEnded = false
        var isStopping = false
        /// Whether something is to be done even if nothing has come.
        var isDue = false
        /// Accounts that the publishers were not told yet.
        var accounts: [PublisherID: ConsumerAccount] = [:]
    }

    private struct Waiter {
        let id: UInt64
        let isMet: @Sendable (SubscriberStatus) -> Bool
        let continuation: CheckedContinuation<Void, Never>
    }

    let configuration: SubscriberConfiguration
    let logger: Logger
    private let thread: SubscriberThread
    private let state: Mutex<State>

    /// Connects nowhere before `run`.
    ///
    /// - Parameter thread: reads for this subscriber; `nil`: one of its own.
    /// - Throws: an error that says which system call failed.
    public init(
        configuration: SubscriberConfiguration, thread: SubscriberThread? = nil,
        logger: Logger = Logger(label: "arobust.subscriber")
    ) throws {
        self.configuration = configuration
        self.logger = logger
        self.thread = try thread ?? SubscriberThread()
        let connections = configuration.endpoints.map { SubscriberStatus.Connection(endpoint: $0) }
        state = Mutex(State(status: SubscriberStatus(connections: connections)))
    }

    /// What has been seen so far.
    public var status: SubscriberStatus {
        state.withLock { $0.status }
    }

    /// The thread that reads, which other subscribers may share.
    package var workingPart: WorkingPart { thread.workingPart }

    /// Reads until the task is cancelled or the receiver wants no more. To be called once.
    ///
    /// - Parameter receiver: called on the thread that reads; nothing else is read there meanwhile.
    /// - Throws: `ZMQError` if an endpoint can't be connected to. A publisher that isn't there yet is waited for.
    public func run(_ receiver: any EnvelopeReceiver) async throws {
        defer {
            state.withLock { $0.hasEnded = true }
            releaseWaiters { _ in true }
        }
        try await withTaskCancellationHandler {
            try await thread.read(for: self, receiver)
        } onCancel: {
            state.withLock { $0.isStopping = true }
            thread.wake()
        }
    }

    /// Must be called when the receiver has room again for a lane for which it had none. From any thread.
    public func roomChanged() {
        state.withLock { $0.isDue = true }
        thread.wake()
    }

    /// Tells a publisher how far this consumer is, now or when it is next connected; a later account replaces an earlier one. Does nothing
    /// without `SubscriberConfiguration.consumer`. From any thread.
    public func commit(_ account: ConsumerAccount, to publisher: PublisherID) {
        state.withLock { state in
            state.accounts[publisher] = account
            state.isDue = true
        }
        thread.wake()
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

    // MARK: for the thread that reads

    var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Whether something is to be done even if nothing has come; asked once.
    func takeDue() -> Bool {
        state.withLock { state in
            defer { state.isDue = false }
            return state.isDue || state.isStopping
        }
    }

    /// The account that a publisher was not told yet.
    func takeAccount(for publisher: PublisherID) -> ConsumerAccount? {
        state.withLock { $0.accounts.removeValue(forKey: publisher) }
    }

    func publish(_ status: SubscriberStatus) {
        state.withLock { $0.status = status }
        releaseWaiters { $0.isMet(status) }
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

extension MetricSubscriber: EnvelopeSource {
    package func waitForRest() async {
        let now = WallClock.nanoseconds()
        await wait { status in
            status.connections.allSatisfy { $0.publisher == nil || $0.deliveredThrough >= now }
        }
    }

    package var counts: [(name: String, count: UInt64)] {
        let status = status
        return [
            ("received", status.received), ("replayed", status.replayed), ("missing", status.missing),
            ("malformed", status.malformed), ("newer-version", status.newerVersion),
        ]
    }
}
