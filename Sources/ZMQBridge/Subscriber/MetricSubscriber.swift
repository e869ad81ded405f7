public import Logging
private import Synchronization

/// Reads the envelopes of one or several publishers, in batches, and counts every one that is missing.
///
/// One thread, which `run` makes and which owns the sockets. It hands over what it has before it reads on, so a slow receiver holds
/// up nobody but itself: its publisher's queue for it fills, and then it misses envelopes, and is told.
public final class MetricSubscriber: Sendable {
    private struct State {
        var status: SubscriberStatus
        var waiters: [Waiter] = []
        var hasEnded = false
    }

    private struct Waiter {
        let id: UInt64
        let isMet: @Sendable (SubscriberStatus) -> Bool
        let continuation: CheckedContinuation<Void, Never>
    }

    /// How long a publisher may be silent before the log says so. It beats every second.
    private static let patience: Duration = .seconds(3)

    private let configuration: SubscriberConfiguration
    private let logger: Logger
    private let wakeup: Wakeup
    private let state: Mutex<State>

    public init(
        configuration: SubscriberConfiguration, logger: Logger = Logger(label: "arobust.subscriber")
    ) throws {
        self.configuration = configuration
        self.logger = logger
        wakeup = try Wakeup()
        let connections = configuration.endpoints.map { SubscriberStatus.Connection(endpoint: $0) }
        state = Mutex(State(status: SubscriberStatus(connections: connections)))
    }

    public var status: SubscriberStatus {
        state.withLock { $0.status }
    }

    /// Reads until the task is cancelled or `receive` answers `false`. To be called once.
    ///
    /// - Parameter receive: takes each delivery, on the subscriber's thread; while it runs nothing else is read.
    public func run(_ receive: @escaping @Sendable (SubscriberDelivery) -> Bool) async throws {
        let wakeup = self.wakeup
        try await PinnedThread.run(name: "arobust-sub", onCancel: { wakeup.signal() }) { try self.read(receive) }
    }

    /// Waits until the status meets a condition, the subscriber ends, or the task is cancelled. `isMet` is called under a lock: it may
    /// only look.
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

    private func read(_ receive: (SubscriberDelivery) -> Bool) throws {
        defer {
            state.withLock { $0.hasEnded = true }
            releaseWaiters { _ in true }
        }
        let context = try ZMQContext()
        let connections = try configuration.endpoints.map {
            try SubscriberConnection(to: $0, configuration: configuration, context: context, logger: logger)
        }
        var poller = Poller()
        for connection in connections { _ = poller.add(connection.socket) }
        let stop = poller.add(descriptor: wakeup.descriptor)
        while !poller.isReady(stop) {
            try poller.wait(milliseconds: 1000)
            for (index, connection) in connections.enumerated() where poller.isReady(index) {
                let delivery = try connection.drain()
                let goesOn = delivery.isEmpty || receive(delivery)
                publishStatus(of: connections)
                guard goesOn else { return }
            }
            for connection in connections { connection.noteSilence(longerThan: Self.patience) }
        }
    }

    private func publishStatus(of connections: [SubscriberConnection]) {
        var status = SubscriberStatus(connections: connections.map(\.status))
        for connection in connections {
            status.received += connection.received
            status.missing += connection.missing
            status.malformed += connection.malformed
            status.newerVersion += connection.newerVersion
            status.repeated += connection.repeated
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
