internal import CSocketGuard
private import Glibc
private import SystemPackage
internal import SystemSupport

/// A Unix socket, or one of the network, that libzmq accepts connections on, within limits that libzmq itself doesn't have: how many connections, and how many
/// bytes of theirs it may hold (`CSocketGuard`).
struct GuardedListener {
    /// What the connections may do; `nil` means no limit of that kind. The figures are bytes, but for `connections`.
    struct Limits {
        var connections = DescriptorLimit.current.busConnections
        /// One message, all its frames together, each counting for `frameCost` more.
        var message: Int
        /// Whether peers may subscribe by a command, as those of ZMTP 3.1 do.
        var subscriptions = false
        /// What one connection may send in its life.
        var lifetime: Int?
        /// What all open connections together may have sent.
        var together: Int?
        /// What may wait to be taken. Beyond it the connections aren't read from, for which libzmq's I/O thread sleeps: the socket needs a
        /// context of its own.
        var unread: Int?
        /// Whether the connections are encrypted with CURVE.
        var isEncrypted = false
        /// What an encrypted connection, and all together, may have sent that `recordTaken(from:)` was not told of.
        var untaken: (one: Int, together: Int)?
        /// New connections a second from one address of the network.
        var ratePerAddress: Int?
    }

    static let frameCost = Int(SOCKET_GUARD_FRAME_COST)

    /// The socket's file, or the address as `tcp://address:port`.
    let path: String
    /// libzmq's, once the socket is bound.
    let descriptor: Int32
    /// The guard's, which outlives the descriptor.
    private let number: UInt64
    private let file: FileNumber?

    /// Makes the socket's file, which must not be there, and listens.
    init(at path: String, limits: Limits) throws(SystemCallError) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemCallError("make a socket", path: path) }
        guard UnixAddress.with(path, { bind(descriptor, $0, $1) }) == 0 else {
            let error = SystemCallError("bind", path: path)
            close(descriptor)
            throw error
        }
        try self.init(bound: descriptor, path: path, file: FileNumber(path: path), limits: limits)
    }

    /// Listens at an address of the network.
    init(at address: NetworkAddress, limits: Limits) throws(SystemCallError) {
        try self.init(bound: address.bound(), path: "\(address)", file: nil, limits: limits)
    }

    private init(bound descriptor: Int32, path: String, file: FileNumber?, limits: Limits) throws(SystemCallError) {
        self.path = path
        self.descriptor = descriptor
        self.file = file
        socket_guard_keep_free_from(Int32(clamping: DescriptorLimit.current.firstReserved))
        do throws(SystemCallError) {
            guard listen(descriptor, 100) == 0 else { throw SystemCallError("listen", path: path) }
            number = socket_guard_add(descriptor, limits.forGuard)
            guard number > 0 else {
                throw SystemCallError("guard", path: path, code: .tooManyOpenFiles)
            }
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// libzmq's name of it.
    var endpoint: String { path.hasPrefix("/") ? "ipc://" + path : path }

    /// Says that messages of this size, as `size(of:)` counts, were taken from libzmq.
    func recordTaken(_ bytes: Int) {
        socket_guard_took(number, UInt64(bytes))
    }

    /// Says that a message was taken from libzmq that came over an encrypted connection.
    ///
    /// - Parameter connection: its descriptor.
    func recordTaken(_ message: some Collection<[UInt8]>, from connection: Int32) {
        let bytes = message.reduce(0) { $0 + $1.count }
        socket_guard_took_from(number, connection, UInt64(bytes), UInt64(message.count))
    }

    /// Ends all connections; their peers may connect again.
    func endConnections() {
        socket_guard_end_all(number)
    }

    /// How many connections there are.
    var openConnections: Int { Int(socket_guard_read(number).open) }

    /// Says that libzmq had no more whole message.
    func recordEmpty() {
        socket_guard_emptied(number)
    }

    /// Whether those who connect to the path come here: its file is still there, and still this one.
    var isInPlace: Bool { file?.isStill(at: path) ?? true }

    /// What a message counts for.
    static func size(of message: some Sequence<[UInt8]>) -> Int {
        message.reduce(0) { $0 + $1.count + frameCost }
    }

    /// Connections that were closed for a limit, since the socket was made.
    var closedConnections: ClosedConnections {
        let counts = socket_guard_read(number)
        return ClosedConnections(
            refused: counts.refused, shed: counts.shed, ended: counts.ended, unproved: counts.unproved)
    }

    /// Whether libzmq uses the guard's functions: not where a preloaded library has replaced them as well.
    static var isInForce: Bool { socket_guard_is_in_force() != 0 }
}

/// Connections that a guarded socket has closed, and why.
struct ClosedConnections: Hashable, Sendable {
    /// There were too many, or too few descriptors left.
    var refused: UInt64
    /// They had said nothing, and another needed the room.
    var shed: UInt64
    /// They sent more than they may, or something else than ZMTP 3.
    var ended: UInt64
    /// Closed by anybody, also by their peers, before these had proved who they are: of encrypted connections. Not among the others.
    var unproved: UInt64 = 0

    var total: UInt64 { refused + shed + ended }

    func since(_ earlier: ClosedConnections) -> ClosedConnections {
        ClosedConnections(
            refused: refused - earlier.refused, shed: shed - earlier.shed, ended: ended - earlier.ended,
            unproved: unproved - earlier.unproved)
    }
}

extension GuardedListener.Limits {
    /// As the guard takes them.
    var forGuard: socket_guard_limits {
        socket_guard_limits(
            connections: Int32(clamping: connections), message: UInt64(message), lifetime: UInt64(lifetime ?? 0),
            together: UInt64(together ?? 0), unread: UInt64(unread ?? 0), subscriptions: subscriptions ? 1 : 0,
            encrypted: isEncrypted ? 1 : 0, untaken: UInt64(untaken?.one ?? 0),
            untaken_together: UInt64(untaken?.together ?? 0), rate: UInt32(clamping: ratePerAddress ?? 0))
    }
}
