package import NIOCore

/// A unary gRPC call that a client made and a master is to answer.
package struct RelayedCall: Sendable {
    /// `/package.Service/Method`.
    package var path: String
    /// The client's own metadata, without what belongs to the transport. Names in lower case; the value of one that ends in `-bin` is base64.
    package var metadata: [(name: String, value: String)]
    /// The message, without its prefix.
    package var message: ByteBuffer
    /// How long the client still waits; `nil`: it has set no deadline.
    package var timeout: Duration?

    package init(path: String, metadata: [(name: String, value: String)], message: ByteBuffer, timeout: Duration?) {
        self.path = path
        self.metadata = metadata
        self.message = message
        self.timeout = timeout
    }

    /// The job that the client believes itself to be in; `nil` if it doesn't say, as before DLRover 0.6.
    var jobUID: String? { metadata.last { $0.name == "job_uid" }?.value }

    /// How long the master may take. Nobody waits longer than a day.
    var patience: Duration { timeout ?? .seconds(86400) }
}
