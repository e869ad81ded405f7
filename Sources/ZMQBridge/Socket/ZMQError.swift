private import CZeroMQ

/// A call of libzmq that failed.
public struct ZMQError: Error, Hashable, CustomStringConvertible {
    /// The errno that libzmq gave, its own numbers included.
    public let code: Int32
    /// The function that failed.
    public let call: String
    /// The endpoint it was about, where there is one.
    public let endpoint: String?

    /// Takes `zmq_errno()`: to be made on the same thread, right after the call.
    init(call: String, endpoint: String? = nil) {
        code = zmq_errno()
        self.call = call
        self.endpoint = endpoint
    }

    public var description: String {
        let place = endpoint.map { " on \($0)" } ?? ""
        return "\(call)\(place): \(String(cString: zmq_strerror(code)))"
    }
}
