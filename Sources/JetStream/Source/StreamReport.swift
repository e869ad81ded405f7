internal import Diagnosis
package import Logging

/// What a stream has, and how far those are who read it: for `arobust status`.
package struct StreamReport: Sendable, Encodable {
    package struct Node: Sendable, Encodable {
        /// As a word of a subject, so encoded.
        package var job: String
        package var type: String
        package var rank: String
        /// How many messages of each data type are there.
        package var messages: [String: Int]
    }

    /// The bridges that share a stream for one master.
    package struct Readers: Sendable, Encodable {
        package var master: String
        package var nodes: Int
        /// How many messages none of them has read yet.
        package var waiting: Int
        /// How many are on their way to the master.
        package var underWay: Int

        enum CodingKeys: String, CodingKey {
            case master, nodes, waiting
            case underWay = "under_way"
        }
    }

    package var stream: String
    package var servers: [String]
    package var messages: Int
    package var bytes: Int
    package var replicas: Int
    /// `nil` on a server that is alone.
    package var leader: String?
    package var nodes: [Node]
    package var readers: [Readers]

    /// Asks the servers, within the options' times.
    package init(_ address: StreamAddress, options: JetStreamOptions, logger: Logger) async throws {
        var options = options
        options.stream.isMade = false
        let session = StreamSession(address, options: options, logger: logger)
        let made: Result<StreamReport, any Error>
        do {
            made = .success(try await StreamReport(of: try await session.open(), address))
        } catch {
            made = .failure(error)
        }
        await session.close()
        self = try made.get()
    }

    private init(of stream: Stream, _ address: StreamAddress) async throws(ReportError) {
        let consumers = StreamConsumers(stream: stream)
        let state = try await consumers.state()
        self.stream = stream.name
        servers = address.servers
        messages = state["state"]?["messages"]?.integer ?? 0
        bytes = state["state"]?["bytes"]?.integer ?? 0
        leader = state["cluster"]?["leader"]?.string
        replicas = stream.replicas
        var byNode: [StreamNode: [String: Int]] = [:]
        for (subject, count) in try await consumers.subjects(matching: "\(stream.name).>", of: stream.name) {
            guard let node = StreamNode(subject: subject, of: stream.name) else { continue }
            let type = subject.split(separator: ".")[2]
            byNode[node, default: [:]][String(type), default: 0] += count
        }
        nodes = byNode.map { Node(job: $0.key.job, type: $0.key.type, rank: $0.key.rank, messages: $0.value) }
        nodes.sort {
            ($0.job, $0.type, Int($0.rank) ?? .max, $0.rank) < ($1.job, $1.type, Int($1.rank) ?? .max, $1.rank)
        }
        var byMaster: [String: Readers] = [:]
        for consumer in try await consumers.all() {
            guard let master = StreamConsumers.master(of: consumer) else { continue }
            var readers = byMaster[master] ?? Readers(master: master, nodes: 0, waiting: 0, underWay: 0)
            readers.nodes += 1
            readers.waiting += consumer["num_pending"]?.integer ?? 0
            readers.underWay += consumer["num_ack_pending"]?.integer ?? 0
            byMaster[master] = readers
        }
        readers = byMaster.values.sorted { $0.master < $1.master }
    }
}
