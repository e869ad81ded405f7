internal import Diagnosis
internal import Logging
internal import SystemSupport

/// One connection's view of a stream: what it takes, and what it has.
struct Stream: Sendable {
    let connection: NATSConnection
    let name: String
    /// The most bytes of a message, headers and body together.
    let room: Int

    /// Finds the stream, and makes it if it is missing and may be made.
    init(
        on connection: NATSConnection, named name: String, options: JetStreamOptions.Stream, logger: Logger
    ) async throws(ReportError) {
        self.connection = connection
        self.name = name
        var answer = try await Self.ask(connection, "STREAM.INFO.\(name)", "")
        if let problem = StreamProblem(answer) {
            guard problem.code == StreamProblem.streamNotFound else { throw Self.error(name, problem) }
            guard options.isMade else {
                throw ReportError(
                    code: .unavailable, message: "the servers have no stream \(name), and none is to be made")
            }
            let configuration = Self.configuration(name, options)
            answer = try await Self.ask(connection, "STREAM.CREATE.\(name)", configuration.text ?? "{}")
            if let problem = StreamProblem(answer) { throw Self.error(name, problem) }
            logger.notice(
                "A stream was made.", metadata: ["stream": "\(name)", "configuration": "\(configuration.text ?? "")"])
        }
        guard let configuration = answer["config"] else {
            throw ReportError(code: .unavailable, message: "the servers say nothing of how the stream \(name) is made")
        }
        try Self.check(configuration, name)
        Self.compare(configuration, options, name, logger)
        let largest = configuration["max_msg_size"]?.integer ?? -1
        room = largest > 0 ? min(largest, connection.maxPayload) : connection.maxPayload
    }

    /// The last message of a subject.
    struct Tail: Hashable {
        /// The stream's number of it; 0: there is none.
        var sequence: UInt64
        var headers: [String: String]
    }

    func tail(of subject: String) async throws(ReportError) -> Tail {
        let question = JSONValue.object(["last_by_subj": .string(subject)])
        let answer = try await Self.ask(connection, "STREAM.MSG.GET.\(name)", question.text ?? "{}")
        if let problem = StreamProblem(answer) {
            guard problem.code == StreamProblem.messageNotFound else { throw Self.error(name, problem) }
            return Tail(sequence: 0, headers: [:])
        }
        guard let message = answer["message"], let sequence = message["seq"]?.integer, sequence > 0 else {
            throw ReportError(code: .unavailable, message: "the servers gave no message of \(subject) that can be read")
        }
        return Tail(sequence: UInt64(sequence), headers: MessageText.headers(base64: message["hdrs"]?.string ?? ""))
    }

    /// Asks JetStream's own API, in JSON.
    static func ask(_ connection: NATSConnection, _ call: String, _ body: String) async throws(ReportError) -> JSONValue
    {
        switch await connection.ask("$JS.API.\(call)", body) {
        case .message(let json):
            guard let value = JSONValue(json) else {
                throw ReportError(code: .unavailable, message: "the servers answered \(call) with what is not JSON")
            }
            return value
        case .noResponders:
            throw ReportError(
                code: .unavailable, message: "the servers have no JetStream now: it is off, or has no leader (\(call))")
        case .lost(let reason):
            throw ReportError(code: .unavailable, message: "the servers did not answer \(call): \(reason)")
        }
    }

    static func error(_ name: String, _ problem: StreamProblem) -> ReportError {
        ReportError(code: .unavailable, message: "the stream \(name): \(problem.text) (\(problem.code))")
    }

    private static func configuration(_ name: String, _ options: JetStreamOptions.Stream) -> JSONValue {
        var members: [String: JSONValue] = [
            "name": .string(name), "subjects": .array([.string("\(name).>")]), "retention": .string("limits"),
            "storage": .string("file"), "discard": .string("old"), "num_replicas": .int(Int64(options.replicas ?? 1)),
            "description": .string("training diagnosis data, by arobust"),
        ]
        if let age = options.maxAge { members["max_age"] = .int(nanoseconds(age)) }
        if let bytes = options.maxBytes { members["max_bytes"] = .int(bytes) }
        if let window = options.duplicateWindow { members["duplicate_window"] = .int(nanoseconds(window)) }
        return .object(members)
    }

    /// Whether the stream takes what is sent.
    private static func check(_ configuration: JSONValue, _ name: String) throws(ReportError) {
        guard case .array(let subjects)? = configuration["subjects"],
            subjects.contains(where: { ["\(name).>", ">"].contains($0.string) })
        else {
            throw ReportError(
                code: .unavailable,
                message: "the stream \(name) does not take the subjects \(name).>; `nats stream edit` can add them")
        }
        if configuration["no_ack"] == .bool(true) {
            throw ReportError(
                code: .unavailable,
                message: "the stream \(name) acknowledges nothing (no_ack), so nothing would be known of what it has")
        }
    }

    /// Says where a stream is not as it is wanted. It is somebody else's to change it.
    private static func compare(
        _ configuration: JSONValue, _ options: JetStreamOptions.Stream, _ name: String, _ logger: Logger
    ) {
        let wanted: [(String, Int64?)] = [
            ("num_replicas", options.replicas.map(Int64.init)), ("max_age", options.maxAge.map(nanoseconds)),
            ("max_bytes", options.maxBytes), ("duplicate_window", options.duplicateWindow.map(nanoseconds)),
        ]
        for (key, value) in wanted {
            guard let value, let found = configuration[key]?.integer, Int64(found) != value else { continue }
            logger.warning(
                "A stream is not as the settings have it; it stays as it is.",
                metadata: ["stream": "\(name)", "key": "\(key)", "has": "\(found)", "settings": "\(value)"])
        }
    }

    private static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
    }
}
