private import CSocketGuard
private import CZeroMQ
internal import Diagnosis
internal import SystemSupport

/// A socket of the state directory that other programs send requests to: a ROUTER or PULL within the limits of a `GuardedListener`. What
/// waits to be answered, and what waits to be read by those who asked, is bounded in bytes.
struct RequestSocket: ~Copyable {
    /// In bytes, of answers that a peer has not read; more are not queued.
    private static let mostUnreadAnswers = 16 << 20
    /// What comes before an answer: the peer's identity, what proxies and REQ sockets add. Each answer repeats it.
    private static let longestReturnPath = (frames: 8, bytes: 1024)

    let socket: ZMQSocket
    private let listener: GuardedListener
    /// How many frames libzmq puts before a message's own: a ROUTER names the peer.
    private let addedFrames: Int
    private let isEncrypted: Bool
    private let unreadAnswers = QueuedBytes()

    /// Binds the socket at its path in the directory.
    ///
    /// - Parameters:
    ///   - context: one that is not the publishing socket's, whose I/O thread must never pause.
    ///   - log: says which connections were closed.
    ///   - largestFrame: in bytes; a larger one ends its sender's connection.
    ///   - setUp: sets further options.
    init(
        _ kind: ZMQSocket.Kind, at path: String, in directory: StateDirectory, context: ZMQContext,
        log: ConnectionLog? = nil, largestFrame: Int, limits: GuardedListener.Limits,
        setUp: (borrowing ZMQSocket) throws(ZMQError) -> Void = { _ throws(ZMQError) in }
    ) throws {
        let socket = try ZMQSocket(kind, in: context)
        try socket.set(ZMQ_MAXMSGSIZE, Int64(largestFrame))
        try socket.receiveWithoutMark()
        try setUp(socket)
        try directory.removeStaleSocket(at: path)
        let listener = try GuardedListener(at: path, limits: limits)
        try socket.bind(listener)
        try directory.openSocket(at: path)
        log?.watch(listener)
        self.init(socket, listener, addedFrames: kind == .router ? 1 : 0)
    }

    /// Binds a ROUTER for clients of the network.
    init(
        _ network: NetworkBus, at address: NetworkAddress, log: ConnectionLog, largestFrame: Int,
        limits: GuardedListener.Limits, setUp: (borrowing ZMQSocket) throws(ZMQError) -> Void
    ) throws {
        let socket = try ZMQSocket(.router, in: network.context)
        try socket.set(ZMQ_MAXMSGSIZE, Int64(largestFrame + Int(SOCKET_GUARD_SEALED_COST)))
        try socket.receiveWithoutMark()
        try setUp(socket)
        let listener = try network.bind(socket, at: address, limits: limits)
        log.watch(listener)
        self.init(socket, listener, addedFrames: 1, isEncrypted: true)
    }

    private init(
        _ socket: consuming ZMQSocket, _ listener: GuardedListener, addedFrames: Int, isEncrypted: Bool = false
    ) {
        self.isEncrypted = isEncrypted
        self.socket = socket
        self.listener = listener
        self.addedFrames = addedFrames
    }

    var closedConnections: ClosedConnections { listener.closedConnections }

    /// The next whole message without blocking, or `nil` if there is none.
    func receive() throws(ZMQError) -> [[UInt8]]? {
        var connection: Int32 = -1
        guard let message = try socket.receiveMessage(from: &connection) else {
            if !isEncrypted { listener.recordEmpty() }
            return nil
        }
        guard !isEncrypted else {
            listener.recordTaken(message[addedFrames...], from: connection)
            return message
        }
        listener.recordTaken(GuardedListener.size(of: message[addedFrames...]))
        return message
    }

    /// Answers a peer, unless it has too many unread answers already: then it gets none.
    func send(_ answer: [UInt8], to returnPath: [[UInt8]]) throws(ZMQError) {
        guard unreadAnswers.hasRoom(for: answer.count, limit: Self.mostUnreadAnswers) else { return }
        for frame in returnPath {
            let isTaken = try frame.withUnsafeBufferPointer { bytes throws(ZMQError) in
                try socket.send(UnsafeRawBufferPointer(bytes), more: true)
            }
            guard isTaken else { return }
        }
        _ = try answer.withUnsafeBufferPointer { bytes throws(ZMQError) in
            try socket.send(UnsafeRawBufferPointer(bytes), more: false, countedBy: unreadAnswers)
        }
    }

    /// Whether a message's beginning can stand before its answer: not one that would make the answers long.
    static func isUsable(_ returnPath: [[UInt8]]) -> Bool {
        returnPath.count <= longestReturnPath.frames
            && returnPath.reduce(0) { $0 + $1.count } <= longestReturnPath.bytes
    }
}
