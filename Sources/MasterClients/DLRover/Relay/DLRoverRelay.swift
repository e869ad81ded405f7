import Diagnosis
package import Logging
package import NIOCore

/// Passes calls on to a DLRover master, and the answers back. May be used by any number of tasks at once.
package protocol DLRoverRelay: Sendable {
    /// Passes a call on and waits for its end: the answer, the caller's deadline, or the cancellation of the task, which the master is told.
    ///
    /// - Returns: the answer's message, without its prefix.
    /// - Throws: the status that the master ended the call with, or one with a sentence about why there is none.
    func answer(to call: RelayedCall) async throws(GRPCStatus) -> ByteBuffer

    /// Passes on a call of a client that speaks HTTP. A master that does so, too, gets the very bytes, and so does the client.
    ///
    /// - Throws: as for gRPC; `PostAnswer` has a status of HTTP for each.
    func answer(to post: RelayedPost) async throws(GRPCStatus) -> PostAnswer

    /// Ends all calls and closes the connections.
    func close() async
}

extension DLRoverRelay {
    /// Through gRPC.
    package func answer(to post: RelayedPost) async throws(GRPCStatus) -> PostAnswer {
        try post.answer(from: try await answer(to: try post.call()))
    }
}

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

    /// How long a master may take for whom a client waits that sets no deadline.
    static let longestPatience = Duration.seconds(86400)

    /// How long the master may take.
    var patience: Duration { timeout ?? Self.longestPatience }
}

/// Sizes of what is passed on.
package enum RelayLimits {
    /// The longest message in either direction, in bytes: as DLRover's clients set up their channel (`GRPC.MAX_RECEIVE_MESSAGE_LENGTH` of
    /// `dlrover/python/common/constants.py`).
    package static let messageBytes = 256 * 1024 * 1024
    /// The longest body of a call over HTTP, in bytes: Tornado, which serves DLRover's masters, takes no more.
    package static let postBytes = 100 * 1024 * 1024
}

/// The diagnosis metric in a DLRover client's `report`: what `report_diagnosis_agent_metrics` sends of a `WorkerTrainingMetric`
/// (`dlrover/python/elastic_agent/master_client.py`).
package struct ReportedMetric: Sendable {
    /// Its JSON, unread. Like DLRover's master we look at nothing else: not at the message's node id and type, not at the pickle's rank.
    package let json: [UInt8]

    /// - Parameter message: an `elastic.Message`.
    /// - Returns: `nil` if it carries anything else, or a pickle that can't be read here.
    package init?(message: ByteBuffer) {
        guard let data = try? ElasticMessage.decode(message).data, data.readableBytes <= PickleLimits().bytes else {
            return nil
        }
        self.init(pickle: Array(buffer: data))
    }

    /// - Returns: `nil` if it is another call, or carries anything else, or a pickle that can't be read here.
    package init?(post: RelayedPost) {
        guard let pickle = post.reportedPickle else { return nil }
        self.init(pickle: pickle)
    }

    private init?(pickle: [UInt8]) {
        guard case .object(let object)? = try? PickleReader.read(pickle[...]),
            object.type == .diagnosisReportData, object.string("data_cls") == "WorkerTrainingMetric",
            let content = object.string("data_content")
        else { return nil }
        json = Array(content.utf8)
    }

    /// The answer to a report that was taken, as a DLRover master gives it: an `elastic.Response`.
    package static var success: ByteBuffer { ElasticMessage.response(success: true) }
}

extension MasterURL {
    /// Makes what passes other programs' calls to this master; `nil` if it is no DLRover master. It connects at the first call; close it
    /// when done.
    ///
    /// - Parameter options: of these only `connectTimeout`, `tls` and, over HTTP, `userAgent` count: everything else is the caller's own.
    /// - Throws: `MasterClientOptionsError`.
    package func makeRelay(
        options: MasterClientOptions, logger: Logger
    ) throws(MasterClientOptionsError) -> (any DLRoverRelay)? {
        try options.check()
        var logger = logger
        logger[metadataKey: "master"] = "\(self)"
        return switch target {
        case .dlroverGRPC(let host, let port):
            DLRoverGRPCRelay(url: self, host: host, port: port, options: options, logger: logger)
        case .dlroverHTTP(let host, let port):
            DLRoverHTTPRelay(url: self, host: host, port: port, options: options, logger: logger)
        case .console, .otlpGRPC, .otlpHTTP, .jetStream, .file, .standardOutput: nil
        }
    }
}

/// Passes calls to a master that serves gRPC: messages byte for byte, the client's metadata and deadline with them.
struct DLRoverGRPCRelay: DLRoverRelay {
    private let client: GRPCClient
    private let master: String

    init(url: MasterURL, host: String, port: Int, options: MasterClientOptions, logger: Logger) {
        client = GRPCClient(
            host: host, port: port, metadata: [], timeout: options.deadline, connectTimeout: options.connectTimeout,
            longestAnswer: GRPCMessageBody.prefixBytes + RelayLimits.messageBytes,
            proxy: options.proxy, security: url.security(options.tls, logger: logger), logger: logger)
        master = url.description
    }

    func answer(to call: RelayedCall) async throws(GRPCStatus) -> ByteBuffer {
        let headers = client.headers(path: call.path, metadata: call.metadata, timeout: call.timeout)
        switch await client.call(headers, GRPCMessageBody.framed(call.message), timeout: call.patience) {
        case .success(let answer):
            guard answer.status.code == .ok, let message = answer.message else { throw answer.status }
            return message
        case .failure(let failure):
            let errors = GRPCErrorText(master: master, deadline: call.patience)
            throw GRPCStatus(relaying: errors.error(of: failure, mayHaveArrived: false))
        }
    }

    func close() async {
        await client.close()
    }
}
