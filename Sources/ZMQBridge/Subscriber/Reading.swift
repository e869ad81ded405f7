internal import Diagnosis

/// What the thread that reads does for one subscriber: its connections, from their beginning to the end. Used on that thread only.
final class Reading {
    /// What a subscriber asks the thread for.
    struct Order: Sendable {
        let subscriber: MetricSubscriber
        let receiver: any EnvelopeReceiver
        /// Called once, when all is over.
        let done: @Sendable (Result<Void, any Error>) -> Void
    }

    private let order: Order
    private var connections: [SubscriberConnection] = []
    /// The places of each connection's two sockets in the poller.
    private var places: [(live: Int, replay: Int)] = []
    private var isConnected = false
    private var result: Result<Void, any Error>?

    init(_ order: Order) {
        self.order = order
    }

    private var subscriber: MetricSubscriber { order.subscriber }

    /// Whether nothing more is to be read.
    var hasEnded: Bool { result != nil }

    /// Connects to the publishers, once.
    func connect(in context: ZMQContext) {
        guard !isConnected else { return }
        isConnected = true
        let configuration = subscriber.configuration
        do {
            for endpoint in configuration.endpoints {
                connections.append(
                    try SubscriberConnection(
                        to: endpoint, configuration: configuration, receiver: order.receiver, context: context,
                        logger: subscriber.logger))
            }
        } catch {
            result = .failure(error)
        }
    }

    func add(to poller: inout Poller) {
        places = connections.map { (poller.add($0.socket), poller.add($0.replay)) }
    }

    /// Takes what has come, hands it over, asks for what is missing, and sends accounts.
    ///
    /// - Parameter isTick: whether it is time to look at what depends on the time.
    /// - Returns: whether something had come.
    func turn(_ poller: borrowing Poller, isTick: Bool) -> Bool {
        guard result == nil else { return false }
        let isDue = subscriber.takeDue() || isTick
        var (hasTurned, hasRead) = (false, false)
        do {
            for (connection, place) in zip(connections, places) {
                let (live, replay) = (poller.isReady(place.live), poller.isReady(place.replay))
                guard isDue || live || replay else { continue }
                hasTurned = true
                hasRead = hasRead || live || replay
                guard try connection.turn(liveIsReady: live, replayIsReady: replay) else {
                    result = .success(())
                    return hasRead
                }
                connection.logSilence(longerThan: BeatInterval.silence)
            }
            guard hasTurned else { return false }
            for connection in connections {
                guard let publisher = connection.status.publisher else { continue }
                try connection.commit(subscriber.takeAccount(for: publisher))
            }
            publishStatus()
            if subscriber.isStopping { result = .success(()) }
        } catch {
            result = .failure(error)
        }
        return hasRead
    }

    private func publishStatus() {
        var status = SubscriberStatus(connections: connections.map(\.status))
        for counts in connections.map(\.counts) {
            status.received += counts.received
            status.replayed += counts.replayed
            status.missing &+= counts.missing
            status.malformed += counts.malformed
            status.newerVersion += counts.newerVersion
            status.repeated += counts.repeated
        }
        subscriber.publish(status)
    }

    /// Closes the sockets.
    func close() {
        connections = []
    }

    func fail(_ error: any Error) {
        close()
        result = result ?? .failure(error)
    }

    /// Tells whoever waits for the end.
    func finish() {
        order.done(result ?? .success(()))
    }
}
