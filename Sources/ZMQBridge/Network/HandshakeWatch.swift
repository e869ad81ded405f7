private import CZeroMQ
private import Glibc

/// Finds out why a client's connections to a publisher over the network come to nothing: libzmq itself only tries again and again. Used on the
/// thread of the socket.
final class HandshakeWatch {
    private let monitor: ZMQSocket
    /// What the last connection came to: a part of a sentence; `nil`: the publisher has let us in, or none was tried.
    private(set) var problem: String?
    /// Whether libzmq tries no more: it takes an answer that the key is not known for the last word.
    private(set) var hasGivenUp = false
    private let keys: ClientKeys

    /// Watches a socket, before it is connected.
    init(_ socket: borrowing ZMQSocket, in context: ZMQContext, keys: ClientKeys) throws(ZMQError) {
        self.keys = keys
        let endpoint = "inproc://handshakes-\(UInt(bitPattern: socket.pointer))"
        let events =
            ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
            | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
        guard zmq_socket_monitor(socket.pointer, endpoint, events) == 0 else {
            throw ZMQError(call: "zmq_socket_monitor", endpoint: endpoint)
        }
        monitor = try ZMQSocket(.pair, in: context)
        try monitor.set(ZMQ_LINGER, Int32(0))
        try monitor.connect(endpoint)
    }

    /// Reads what has happened since the last call.
    ///
    /// - Returns: whether `problem` is another one now.
    func look() -> Bool {
        let before = problem
        hasGivenUp = false
        while let event = try? monitor.receiveMessage() {
            // A number of 16 bits and a value of 32, as the machine has them (zmq_socket_monitor(3)).
            guard let head = event.first, head.count == 6 else { continue }
            switch Int32(head[0]) | Int32(head[1]) << 8 {
            case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: problem = nil
            case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
                hasGivenUp = true
                // Not the whole key: any character may be in it, and a log takes some words for passwords.
                problem =
                    "the publisher does not know the key \(keys.own.publicKey.beginning): put what arobust keys public prints of its file, and a name, into its file of authorized keys"
            default:
                problem =
                    "the publisher ended the handshake: does it have CURVE keys at this port, is its public key \(keys.publisher.beginning), and does it know the key \(keys.own.publicKey.beginning)?"
            }
        }
        return problem != before
    }
}
