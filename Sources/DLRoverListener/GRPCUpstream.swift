internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix

/// A DLRover master over gRPC: messages go through byte for byte, with the client's metadata.
struct GRPCUpstream: Upstream {
    private let client: GRPCClient<HTTP2ClientTransport.Posix>
    private let options: CallOptions
    private let name: String

    init(host: String, port: Int, name: String) throws {
        // Names are looked up; an address is a name that needs no looking up.
        let transport = try HTTP2ClientTransport.Posix(
            target: .dns(host: host, port: port), transportSecurity: .plaintext,
            config: .defaults { config in
                // A master that comes back is found soon.
                config.backoff.initial = .milliseconds(200)
                config.backoff.max = .seconds(3)
            })
        client = GRPCClient(transport: transport)
        var options = CallOptions.defaults
        // The client decides how long it waits and whether it tries again.
        options.waitForReady = false
        options.maxResponseMessageBytes = DLRoverListener.longestMessage
        options.maxRequestMessageBytes = DLRoverListener.longestMessage
        self.options = options
        self.name = name
    }

    func call(_ method: MasterMethod, _ message: [UInt8], metadata: Metadata) async throws -> [UInt8] {
        let request = ClientRequest(message: message, metadata: Metadata(metadata.filter { Self.goesOn($0.key) }))
        do {
            return try await client.unary(
                request: request, descriptor: method.descriptor, serializer: RawMessage(), deserializer: RawMessage(),
                options: options
            ) { response in try response.message }
        } catch let error as RPCError {
            // A status that is passed back whole has the transport's own headers twice: the client would end the connection.
            let isAway = error.code == .unavailable && (error.cause != nil || error.metadata.isEmpty)
            throw RPCError(
                code: error.code, message: isAway ? "\(name) cannot be reached: \(error.message)" : error.message,
                metadata: Metadata(error.metadata.filter { Self.goesOn($0.key) }))
        }
    }

    func run() async throws {
        try await client.runConnections()
    }

    /// Whether a header is the client's own, `job_uid` above all, and no part of the transport.
    private static func goesOn(_ key: String) -> Bool {
        !key.hasPrefix("grpc-") && !key.hasPrefix(":") && !["te", "content-type", "user-agent"].contains(key)
    }
}
