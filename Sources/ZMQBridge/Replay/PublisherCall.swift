private import CZeroMQ
internal import Diagnosis
internal import SystemSupport

/// Asks a running publisher's replay socket one thing, on this machine or over the network.
package struct PublisherCall: Sendable {
    /// In bytes, of an answer; a status with 1,024 consumers has less.
    private static let largestAnswer = 32 << 20
    /// How often it is looked whether the publisher refuses this client.
    private static let look: Duration = .milliseconds(200)

    /// The replay socket's.
    private let address: String
    private let keys: ClientKeys?

    init(to directory: StateDirectory) {
        address = "ipc://" + directory.replaySocket
        keys = nil
    }

    /// - Returns: `nil` if replays can't be at the port after the endpoint's.
    package init?(to endpoint: BusEndpoint) {
        guard let address = endpoint.replayAddress else { return nil }
        self.address = address
        keys = endpoint.keys
    }

    /// Asks for the publisher's status.
    ///
    /// - Returns: `nil` if nobody answers within `timeout`.
    /// - Throws: `CurveError` if the publisher does not let this client in.
    package func status(timeout: Duration = .seconds(10)) async throws -> PublisherStatus? {
        try await send(ReplayRequest(.status), timeout: timeout).map {
            try ControlJSON.decode(PublisherStatus.self, $0)
        }
    }

    /// Sends a request and returns the answer's body; `nil` if nobody answers within `timeout`.
    ///
    /// - Throws: `ReplayError` with what the publisher says.
    func send(_ request: ReplayRequest, timeout: Duration) async throws -> [UInt8]? {
        let stop = try Wakeup()
        return try await PinnedThread.run(name: "arobust-ask", onCancel: { stop.signal() }) {
            let context = try ZMQContext()
            let socket = try ZMQSocket(.dealer, in: context)
            try socket.set(ZMQ_LINGER, Int32(0))
            try socket.set(ZMQ_MAXMSGSIZE, Int64(Self.largestAnswer))
            let guarding = GuardedCall(to: address, message: 2 * Self.largestAnswer)
            defer { withExtendedLifetime(guarding) {} }
            var handshakes: HandshakeWatch?
            if let keys {
                try socket.secure(with: keys)
                handshakes = try HandshakeWatch(socket, in: context, keys: keys)
            }
            try socket.connect(address)
            _ = try socket.send([[], ControlJSON.encode(request)])
            var poller = Poller()
            _ = poller.add(socket)
            let isCancelled = poller.add(descriptor: stop.descriptor)
            let deadline = ContinuousClock.now + timeout
            while ContinuousClock.now < deadline, !poller.isReady(isCancelled) {
                try poller.wait(until: handshakes == nil ? deadline : min(deadline, .now + Self.look))
                if let handshakes, handshakes.look(), let problem = handshakes.problem {
                    throw CurveError("cannot ask \(address): \(problem)")
                }
                guard let frames = try socket.receiveMessage(), frames.count == 4 else { continue }
                if frames[1] == Topic.error {
                    throw ReplayError(try ControlJSON.decode(ReplayAnswer.Failure.self, frames[3]).error)
                }
                return frames[3]
            }
            return nil
        }
    }
}
