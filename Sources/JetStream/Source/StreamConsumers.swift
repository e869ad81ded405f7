internal import Diagnosis

/// A node in a stream: a job's, with a type and a rank, as its subjects name them.
struct StreamNode: Hashable, Sendable {
    /// As words of a subject, so encoded.
    let job: String
    let type: String
    let rank: String

    /// - Returns: `nil` for a subject that is not arobust's.
    init?(subject: String, of stream: String) {
        let words = subject.split(separator: ".", omittingEmptySubsequences: false)
        guard words.count == 5, words[0] == stream, !words.contains(where: \.isEmpty) else { return nil }
        (job, type, rank) = (String(words[1]), String(words[3]), String(words[4]))
    }

    /// All of its data types.
    func filter(of stream: String) -> String { "\(stream).\(job).*.\(type).\(rank)" }

    var name: String { "\(job)/\(type)-\(rank)" }
}

/// What JetStream's API says of consumers, and does with them.
struct StreamConsumers: Sendable {
    let stream: Stream

    /// A consumer's state.
    struct Info {
        /// How many were sent and not acknowledged.
        var unacknowledged: Int
        /// How many were not sent yet.
        var waiting: Int
    }

    /// The subjects that have messages, up to 100,000 a call as the server has it.
    func subjects(matching filter: String, of name: String) async throws(ReportError) -> [String: Int] {
        var found: [String: Int] = [:]
        while true {
            let question = JSONValue.object(["subjects_filter": .string(filter), "offset": .int(Int64(found.count))])
            let answer = try await Stream.ask(stream.connection, "STREAM.INFO.\(name)", question.text ?? "{}")
            if let problem = StreamProblem(answer) { throw Stream.error(name, problem) }
            guard case .object(let subjects)? = answer["state"]?["subjects"], !subjects.isEmpty else { return found }
            let before = found.count
            for (subject, count) in subjects { found[subject] = count.integer ?? 0 }
            guard let total = answer["total"]?.integer, found.count < total, found.count > before else { return found }
        }
    }

    /// What the servers say of the stream itself.
    func state() async throws(ReportError) -> JSONValue {
        let answer = try await Stream.ask(stream.connection, "STREAM.INFO.\(stream.name)", "")
        if let problem = StreamProblem(answer) { throw Stream.error(stream.name, problem) }
        return answer
    }

    /// The number of the stream's last message; 0: there is none.
    func lastSequence() async throws(ReportError) -> UInt64 {
        UInt64(clamping: try await state()["state"]?["last_seq"]?.integer ?? 0)
    }

    /// All consumers of the stream, as the servers describe them.
    func all() async throws(ReportError) -> [JSONValue] {
        var found: [JSONValue] = []
        while true {
            let question = JSONValue.object(["offset": .int(Int64(found.count))])
            let answer = try await Stream.ask(stream.connection, "CONSUMER.LIST.\(stream.name)", question.text ?? "{}")
            if let problem = StreamProblem(answer) { throw Stream.error(stream.name, problem) }
            guard case .array(let some)? = answer["consumers"], !some.isEmpty else { return found }
            found += some
            guard let total = answer["total"]?.integer, found.count < total else { return found }
        }
    }

    /// What stands before the master's name in a consumer's description.
    private static let descriptionStart = "arobust bridge to "

    /// For which master a consumer of `all` is; `nil`: it is no bridge's.
    static func master(of consumer: JSONValue) -> String? {
        guard let text = consumer["config"]?["description"]?.string, text.hasPrefix(descriptionStart),
            let end = text.lastIndex(of: " "), text[..<end].last == ":"
        else { return nil }
        return String(text[..<end].dropFirst(descriptionStart.count).dropLast())
    }

    /// The consumer, if there is one.
    func info(_ consumer: String) async throws(ReportError) -> Info? {
        let answer = try await Stream.ask(stream.connection, "CONSUMER.INFO.\(stream.name).\(consumer)", "")
        if let problem = StreamProblem(answer) {
            guard problem.code == StreamProblem.consumerNotFound else { throw Stream.error(stream.name, problem) }
            return nil
        }
        return Info(
            unacknowledged: answer["num_ack_pending"]?.integer ?? 0, waiting: answer["num_pending"]?.integer ?? 0)
    }

    /// Makes a consumer that lasts.
    func make(
        _ consumer: String, of node: StreamNode, for master: String, startsNow: Bool, acknowledgeWait: Duration,
        mostUnacknowledged: Int
    ) async throws(ReportError) {
        let configuration = JSONValue.object([
            "durable_name": .string(consumer), "filter_subject": .string(node.filter(of: stream.name)),
            "description": .string("\(Self.descriptionStart)\(master): \(node.name)"),
            "deliver_policy": .string(startsNow ? "new" : "all"), "ack_policy": .string("explicit"),
            "ack_wait": .int(acknowledgeWait.nanoseconds), "max_ack_pending": .int(Int64(mostUnacknowledged)),
            "max_deliver": .int(-1), "replay_policy": .string("instant"),
        ])
        try await make("DURABLE.CREATE.\(stream.name).\(consumer)", configuration)
    }

    /// Makes a consumer that ends by itself when nobody asks it for a while.
    ///
    /// - Returns: the name that the server gave it.
    func makePassing(
        filter: String, deliver: [String: JSONValue], headersOnly: Bool = false
    ) async throws(ReportError) -> String {
        var members = deliver
        members["filter_subject"] = .string(filter)
        members["ack_policy"] = .string("none")
        members["replay_policy"] = .string("instant")
        members["inactive_threshold"] = .int(Duration.seconds(60).nanoseconds)
        if headersOnly { members["headers_only"] = .bool(true) }
        let answer = try await make("CREATE.\(stream.name)", .object(members))
        guard let name = answer["name"]?.string else {
            throw ReportError(code: .unavailable, message: "the servers made a consumer without a name")
        }
        return name
    }

    @discardableResult
    private func make(_ call: String, _ configuration: JSONValue) async throws(ReportError) -> JSONValue {
        let question = JSONValue.object(["stream_name": .string(stream.name), "config": configuration])
        let answer = try await Stream.ask(stream.connection, "CONSUMER.\(call)", question.text ?? "{}")
        if let problem = StreamProblem(answer) { throw Stream.error(stream.name, problem) }
        return answer
    }

    func delete(_ consumer: String) async throws(ReportError) {
        let answer = try await Stream.ask(stream.connection, "CONSUMER.DELETE.\(stream.name).\(consumer)", "")
        if let problem = StreamProblem(answer), problem.code != StreamProblem.consumerNotFound {
            throw Stream.error(stream.name, problem)
        }
    }
}

extension Duration {
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
    }
}
