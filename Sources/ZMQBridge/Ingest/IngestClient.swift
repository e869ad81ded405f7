private import CZeroMQ
private import Glibc

/// Sends metrics to a publisher's ingest socket and waits for its answers. Blocks its thread, so it needs one that is not Swift's; not thread-safe.
package struct IngestClient: ~Copyable {
    /// In microseconds.
    private static let pauseBetweenTries: UInt32 = 20_000

    /// In bytes. An answer has a reason for each metric that was refused.
    private static let largestAnswer = 16 << 20

    private let socket: ZMQSocket
    private let guarding: GuardedCall
    package let endpoint: String

    package init(directory: StateDirectory) throws {
        let endpoint = "ipc://" + directory.ingestSocket
        let socket = try ZMQSocket(.dealer, in: try ZMQContext())
        try socket.set(ZMQ_LINGER, Int32(0))
        try socket.set(ZMQ_MAXMSGSIZE, Int64(Self.largestAnswer))
        // Queues nothing for a publisher that isn't there.
        try socket.set(ZMQ_IMMEDIATE, Int32(1))
        try socket.set(ZMQ_RECONNECT_IVL_MAX, Int32(1000))
        try socket.connect(endpoint)
        self.init(endpoint: endpoint, socket: socket)
    }

    private init(endpoint: String, socket: consuming ZMQSocket) {
        self.endpoint = endpoint
        self.socket = socket
        guarding = GuardedCall(to: endpoint, message: 2 * Self.largestAnswer)
    }

    /// Hands the metrics, a JSON each, to the publisher as one request.
    ///
    /// - Returns: whether it was sent; `false` if no publisher was there within `patience`.
    package func submit(_ bodies: [[UInt8]], patience: Duration) throws -> Bool {
        let deadline = ContinuousClock.now + patience
        while try !socket.send([[]] + bodies) {
            guard ContinuousClock.now < deadline else { return false }
            usleep(Self.pauseBetweenTries)
        }
        return true
    }

    /// Waits for the answer to the oldest request that has none.
    ///
    /// - Returns: the answer, or `nil` if none came in time, which leaves open whether the metrics were taken.
    package func awaitAnswer(timeout: Duration) throws -> IngestAnswer? {
        let deadline = ContinuousClock.now + timeout
        while ContinuousClock.now < deadline {
            if let message = try socket.receiveMessage(), let answer = message.last { return try IngestAnswer(answer) }
            var poller = Poller()
            _ = poller.add(socket)
            try poller.wait(until: deadline)
        }
        return nil
    }
}
