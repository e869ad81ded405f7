private import CZeroMQ
internal import Logging
internal import Synchronization
internal import SystemSupport

/// A publisher's sockets for clients of the network: everything that is only there if `publisher.listen` is set. May be used from any thread.
///
/// The sockets have a context of their own, so encryption and clients that don't read take nothing from the sockets of this machine. libzmq asks
/// about each client over ZAP before anything of it is read; nobody is let in before `serveAdmission` runs.
final class NetworkBus: Sendable {
    /// In milliseconds: how long a client may take to prove who it is.
    private static let handshakeTime: Int32 = 5000
    /// libzmq's option `ZMQ_ZAP_ENFORCE_DOMAIN`, which the header of a stable build leaves out: where nobody answers about a client, it is refused and
    /// not let in.
    private static let enforceDomain: Int32 = 93
    private static let admissionEndpoint = "inproc://zeromq.zap.01"

    let address: NetworkAddress
    let context: ZMQContext
    private let pair: CurveKeyPair
    private let admission: ClientAdmission
    /// Lives as long as this.
    private let questions: Mutex<ZMQSocket>
    private let readiness: Int32
    private let listeners = Mutex<[GuardedListener]>([])

    /// Reads the keys; listens nowhere yet.
    ///
    /// - Throws: `CurveError`, and `ZMQError` where libzmq can't make a socket.
    init(_ configuration: NetworkConfiguration, logger: Logger) throws {
        guard GuardedListener.isInForce else {
            throw CurveError(
                "publisher.listen can't be used: another library has replaced recv, accept4 or close (LD_PRELOAD?), so clients of the network could not be kept within limits"
            )
        }
        let files = try configuration.read()
        address = configuration.address
        pair = files.pair
        admission = ClientAdmission(
            files.keys, of: AuthorizedKeysFile(path: configuration.authorizedKeys), logger: logger)
        context = try ZMQContext()
        let socket = try ZMQSocket(.router, in: context)
        try socket.set(ZMQ_LINGER, Int32(0))
        try socket.bind(within: Self.admissionEndpoint)
        readiness = try socket.readinessDescriptor()
        questions = Mutex(socket)
    }

    /// Listens with a socket that was made in the context.
    ///
    /// - Parameter limits: the kind of its connections; how many, and from where, is said here.
    func bind(
        _ socket: borrowing ZMQSocket, at address: NetworkAddress, limits: GuardedListener.Limits
    ) throws -> GuardedListener {
        try socket.set(ZMQ_CURVE_SERVER, Int32(1))
        try socket.set(ZMQ_CURVE_SECRETKEY, pair.secretKey.bytes)
        try socket.set(ZMQ_ZAP_DOMAIN, Array("arobust".utf8))
        try socket.set(Self.enforceDomain, Int32(1))
        try socket.set(ZMQ_HANDSHAKE_IVL, Self.handshakeTime)
        var limits = limits
        limits.connections = max(4, limits.connections / 2)
        limits.isEncrypted = true
        limits.ratePerAddress = 32
        let listener = try GuardedListener(at: address, limits: limits)
        try socket.bind(listener)
        listeners.withLock { $0.append(listener) }
        return listener
    }

    /// Answers libzmq about clients until the descriptor becomes readable. On a thread of its own.
    func serveAdmission(until stopDescriptor: Int32) throws {
        var poller = Poller()
        _ = poller.add(descriptor: readiness)
        let stop = poller.add(descriptor: stopDescriptor)
        while !poller.isReady(stop) {
            // All of them before the next wait: the descriptor tells of new ones alone.
            while let frames = try questions.withLock({ socket throws(ZMQError) in try socket.receiveMessage() }) {
                guard let request = ZAPRequest(frames) else { continue }
                let answer = admission.answer(request) { endConnections() }
                _ = try questions.withLock { socket throws(ZMQError) in try socket.send(answer.frames(for: request)) }
            }
            try poller.wait(milliseconds: -1)
        }
    }

    /// Looks whether the file of authorized keys has changed. Blocks on the disk.
    func lookAtKeys() {
        if admission.look() { endConnections() }
    }

    /// Takes another file of authorized keys.
    func change(authorizedKeys path: String) {
        if admission.change(to: path) { endConnections() }
    }

    /// Ends all connections, since libzmq does not say which of them is whose: who is still authorized is back in a moment, and has what it has
    /// missed replayed.
    private func endConnections() {
        listeners.withLock { for listener in $0 { listener.endConnections() } }
    }

    /// What the status says of it.
    var status: PublisherStatus.Network {
        let counts = admission.counts
        var status = PublisherStatus.Network(
            addresses: ["\(address)", "\(address.replay)"], publicKey: pair.publicKey.text, keys: counts.keys,
            refused: counts.refused)
        for listener in listeners.withLock({ $0 }) {
            let closed = listener.closedConnections
            status.connections += listener.openConnections
            status.unproved += closed.unproved
            status.closed += closed.total
        }
        return status
    }
}
