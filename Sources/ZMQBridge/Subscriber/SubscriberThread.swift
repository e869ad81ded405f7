internal import Diagnosis
private import Glibc
private import Synchronization
package import SystemSupport

/// Reads for any number of subscribers with one thread and one of libzmq's I/O threads, so that five hundred masters cost no more threads than
/// one. The thread begins with the first subscriber and ends after the last. May be used from any thread.
public final class SubscriberThread: Sendable {
    /// How often something is done for a subscriber for which nothing has come, in milliseconds.
    private static let tick = 1000
    /// How long the thread rests after it has read, in microseconds: a thread that is woken for each message spends most of its time on that.
    private static let rest: useconds_t = 1000

    private struct State {
        var joining: [Reading.Order] = []
        var isRunning = false
    }

    private let state = Mutex(State())
    private let wakeup: Wakeup
    /// Goes on as long as there is a subscriber.
    package let workingPart = WorkingPart("what reads the bus for the masters")

    /// - Throws: an error that says which system call failed.
    public init() throws {
        wakeup = try Wakeup()
    }

    /// Has the thread look at what subscribers want.
    func wake() {
        wakeup.signal()
    }

    /// Counts a turn if there is nobody to read for, so that it is not taken for one that stands still.
    package func turnIfIdle() {
        if state.withLock({ !$0.isRunning }) { workingPart.turn() }
    }

    /// Reads until the subscriber is to stop, or its receiver wants no more.
    func read(for subscriber: MetricSubscriber, _ receiver: any EnvelopeReceiver) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let order = Reading.Order(subscriber: subscriber, receiver: receiver) { continuation.resume(with: $0) }
            let isNew = state.withLock { state in
                state.joining.append(order)
                defer { state.isRunning = true }
                return !state.isRunning
            }
            if isNew { PinnedThread.start(name: "arobust-sub") { self.work() } }
            wakeup.signal()
        }
    }

    /// Those that have joined; `nil` if there are none, so that the thread ends.
    private func takeJoining(isNeeded: Bool) -> [Reading]? {
        let orders: [Reading.Order]? = state.withLock { state in
            defer { state.joining = [] }
            guard state.joining.isEmpty, !isNeeded else { return state.joining }
            state.isRunning = false
            return nil
        }
        return orders?.map { Reading($0) }
    }

    private func work() {
        var readings: [Reading] = []
        while let joining = takeJoining(isNeeded: !readings.isEmpty) {
            readings += joining
            serve(&readings)
        }
    }

    /// Reads until all have ended. Their sockets are closed then, and what they sent last is on its way.
    private func serve(_ readings: inout [Reading]) {
        var ended: [Reading] = []
        do {
            let context = try ZMQContext(sockets: ZMQContext.mostSockets)
            var nextTick = ContinuousClock.now
            while !readings.isEmpty {
                for reading in readings { reading.connect(in: context) }
                var poller = Poller()
                for reading in readings { reading.add(to: &poller) }
                let signal = poller.add(descriptor: wakeup.descriptor)
                repeat {
                    workingPart.turn()
                    try poller.wait(milliseconds: Self.tick)
                    if poller.isReady(signal) { wakeup.clear() }
                    let isTick = ContinuousClock.now >= nextTick
                    if isTick { nextTick = .now + .milliseconds(Self.tick) }
                    var hasRead = false
                    for reading in readings where reading.turn(poller, isTick: isTick) { hasRead = true }
                    if hasRead { usleep(Self.rest) }
                } while !readings.contains(where: \.hasEnded) && state.withLock(\.joining.isEmpty)
                let pivot = readings.partition(by: \.hasEnded)
                for reading in readings[pivot...] { reading.close() }
                // The last ones wait until libzmq has sent what they said at the end.
                ended += readings[pivot...]
                readings.removeSubrange(pivot...)
                if !readings.isEmpty {
                    for reading in ended { reading.finish() }
                    ended = []
                }
                readings += takeJoining(isNeeded: true) ?? []
            }
        } catch {
            for reading in readings { reading.fail(error) }
            ended += readings
            readings = []
        }
        for reading in ended { reading.finish() }
    }
}
