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
    private let directory: StateDirectory
    private var isConnected: Bool
    package var endpoint: String { "ipc://" + directory.ingestSocket }

    /// - Throws: `StateDirectoryError.untrusted`, as `submit` does, where another user could be taken for the publisher.
    package init(directory: StateDirectory) throws {
        let socket = try ZMQSocket(.dealer, in: try ZMQContext())
        try socket.set(ZMQ_LINGER, Int32(0))
        try socket.set(ZMQ_MAXMSGSIZE, Int64(Self.largestAnswer))
        // Queues nothing for a publisher that isn't there.
        try socket.set(ZMQ_IMMEDIATE, Int32(1))
        try socket.set(ZMQ_RECONNECT_IVL_MAX, Int32(1000))
        // Before it connects: only connections that are made later are guarded.
        let guarding = GuardedCall(to: "ipc://" + directory.ingestSocket, message: 2 * Self.largestAnswer)
        let isConnected = try Self.connect(socket, to: directory)
        self.init(directory: directory, socket: socket, isConnected: isConnected, guarding: guarding)
    }

    private init(
        directory: StateDirectory, socket: consuming ZMQSocket, isConnected: Bool, guarding: GuardedCall
    ) {
        self.directory = directory
        self.socket = socket
        self.isConnected = isConnected
        self.guarding = guarding
    }

    /// Connects if there is a directory: until then anybody may make one.
    private static func connect(_ socket: borrowing ZMQSocket, to directory: StateDirectory) throws -> Bool {
        guard try directory.checkForClients() != nil else { return false }
        try socket.connect("ipc://" + directory.ingestSocket)
        return true
    }

    /// Hands the metrics, a JSON each, to the publisher as one request.
    ///
    /// - Returns: whether it was sent; `false` if no publisher was there within `patience`.
    package mutating func submit(_ bodies: [[UInt8]], patience: Duration) throws -> Bool {
        let deadline = ContinuousClock.now + patience
        while try !socket.send([[]] + bodies) {
            guard ContinuousClock.now < deadline else { return false }
            usleep(Self.pauseBetweenTries)
            if !isConnected { isConnected = try Self.connect(socket, to: directory) }
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
