internal import Diagnosis
internal import LogText
internal import Logging
internal import SystemSupport

/// Which nodes of a stream this reader reads, so that several readers of one group share them, and each node has one reader.
///
/// The nodes are in shards, by a hash. Who reads a shard has its lease: a message of a bucket, which vanishes after `time` unless it is renewed,
/// and is only ever taken or renewed with the number that the last one must have. A bucket is a stream as NATS's key-value store makes
/// it, so `nats kv ls` shows the leases.
struct ShardLeases: Sendable {
    /// How many shards there are: so many readers can share a stream. Stored in the leases' keys, so it must never change.
    static let count = 64
    /// How long a lease is good for.
    static let time = Duration.seconds(10)
    /// How often it is renewed.
    static let pause = Duration.seconds(2)
    /// How long after the last renewal its owner may go on reading: before anybody else may.
    static let trust = Duration.seconds(8)

    private let stream: Stream
    private let bucket: String
    private let group: String
    private let owner: String

    /// - Parameters:
    ///   - group: those who share the work, as a word of a subject.
    ///   - owner: this reader, the same after a restart.
    init(of stream: Stream, group: String, owner: String, replicas: Int, logger: Logger) async throws(ReportError) {
        self.stream = stream
        self.group = group
        self.owner = owner
        bucket = "\(stream.name)_readers"
        try await makeBucket(replicas: replicas, logger)
    }

    static func shard(of node: StreamNode) -> Int {
        var hash = StableHash()
        for byte in node.name.utf8 { hash.add(byte) }
        return Int(hash.value % UInt64(count))
    }

    /// Who has what.
    struct View {
        /// Shards whose lease is somebody's.
        var taken: Set<Int> = []
        /// How many readers there are, this one with them.
        var readers = 1
    }

    func look() async throws(ReportError) -> View {
        let subjects = try await StreamConsumers(stream: stream).subjects(matching: "\(prefix).>", of: streamName)
        var view = View()
        var others: Set<Substring> = []
        for subject in subjects.keys {
            let words = subject.dropFirst(prefix.count + 1).split(separator: ".")
            guard words.count == 2 else { continue }
            if words[0] == "shard", let shard = Int(words[1]) { view.taken.insert(shard) }
            if words[0] == "reader", words[1] != owner { others.insert(words[1]) }
        }
        view.readers = others.count + 1
        return view
    }

    /// Says that this reader is there.
    func greet() async throws(ReportError) {
        _ = try await put("reader.\(owner)", after: nil)
    }

    /// Takes or renews a lease.
    ///
    /// - Parameter last: the number of this reader's last message; `nil`: it may have one from before a restart, or none.
    /// - Returns: the number of the new one; `nil`: it is somebody else's.
    func take(_ shard: Int, after last: UInt64?) async throws(ReportError) -> UInt64? {
        if let last { return try await put("shard.\(shard)", after: last) }
        let tail = try await stream.tail(of: "\(prefix).shard.\(shard)", in: streamName)
        guard tail.sequence == 0 || tail.headers["Arobust-Owner"] == owner else { return nil }
        return try await put("shard.\(shard)", after: tail.sequence)
    }

    /// Gives a lease back that was renewed just now.
    func giveBack(_ shard: Int) async throws(ReportError) {
        try await purge("\(prefix).shard.\(shard)")
    }

    /// This reader ends.
    func leave() async throws(ReportError) {
        try await purge("\(prefix).reader.\(owner)")
    }

    private var streamName: String { "KV_\(bucket)" }
    private var prefix: String { "$KV.\(bucket).\(group)" }

    /// - Returns: `nil` if the last message is another one.
    private func put(_ key: String, after last: UInt64?) async throws(ReportError) -> UInt64? {
        var headers = MessageHeaders()
        headers.add("Arobust-Owner", owner)
        if let last { headers.add(EnvelopeMessage.Header.lastOfSubject, last) }
        let answer = await withCheckedContinuation { continuation in
            stream.connection.ask("\(prefix).\(key)", headers, Array(owner.utf8)[...]) {
                continuation.resume(returning: PublishAnswer($0))
            }
        }
        switch answer {
        case .stored(let sequence, _): return sequence
        case .refused(let problem) where problem.isWrongLastSequence: return nil
        case .refused(let problem): throw Stream.error(streamName, problem)
        case .unknown(let reason):
            throw ReportError(code: .unavailable, message: "the stream \(streamName) did not answer: \(reason)")
        }
    }

    private func purge(_ subject: String) async throws(ReportError) {
        let question = JSONValue.object(["filter": .string(subject)])
        let answer = try await Stream.ask(stream.connection, "STREAM.PURGE.\(streamName)", question.text ?? "{}")
        if let problem = StreamProblem(answer) { throw Stream.error(streamName, problem) }
    }

    private func makeBucket(replicas: Int, _ logger: Logger) async throws(ReportError) {
        let found = try await Stream.ask(stream.connection, "STREAM.INFO.\(streamName)", "")
        guard let problem = StreamProblem(found) else { return }
        guard problem.code == StreamProblem.streamNotFound else { throw Stream.error(streamName, problem) }
        let configuration = JSONValue.object([
            "name": .string(streamName), "subjects": .array([.string("$KV.\(bucket).>")]),
            "description": .string("who reads which nodes of \(stream.name), by arobust"),
            "retention": .string("limits"), "storage": .string("file"), "num_replicas": .int(Int64(replicas)),
            "max_msgs_per_subject": .int(1), "max_age": .int(Self.time.nanoseconds),
            "duplicate_window": .int(Self.time.nanoseconds), "discard": .string("new"),
            "allow_rollup_hdrs": .bool(true), "max_bytes": .int(16 << 20),
        ])
        let made = try await Stream.ask(stream.connection, "STREAM.CREATE.\(streamName)", configuration.text ?? "{}")
        if let problem = StreamProblem(made) { throw Stream.error(streamName, problem) }
        logger.notice("A bucket for the leases of readers was made.", metadata: ["bucket": "\(bucket)"])
    }
}
