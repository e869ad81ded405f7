internal import Diagnosis
internal import SystemSupport

/// One message to ingest: where the answer goes, and metrics as JSON, a frame each.
struct IngestRequest {
    /// In a request. Each that is refused has its own reason in the answer.
    static let mostMetrics = 10_000
    /// In bytes.
    private static let longestReason = 400

    /// The frames to send before the answer: the peer's identity and everything up to the first empty frame, which REQ sockets add.
    let returnPath: [[UInt8]]
    let bodies: ArraySlice<[UInt8]>

    /// - Parameter isAnswered: whether the message came over the ROUTER, whose first frame is the peer's identity.
    init(message: [[UInt8]], isAnswered: Bool) {
        let content = message.dropFirst(isAnswered ? 1 : 0)
        if let delimiter = content.firstIndex(where: \.isEmpty) {
            returnPath = Array(message[...delimiter])
            bodies = content[(delimiter + 1)...]
        } else {
            returnPath = Array(message.prefix(isAnswered ? 1 : 0))
            bodies = content
        }
    }

    /// Reads the bodies, fills in what they leave out, and says why it refuses one.
    ///
    /// `data_type` and `data_content` must be there; the time is filled in with now, the identity with `node`'s.
    func read(node: NodeIdentity) -> (metrics: [GivenMetric], refused: [IngestAnswer.Refusal]) {
        guard bodies.count <= Self.mostMetrics else {
            let reason = "a request may have \(Self.mostMetrics) metrics, and this one has \(bodies.count)"
            return ([], [IngestAnswer.Refusal(index: 0, reason: reason)])
        }
        var metrics: [GivenMetric] = []
        var refused: [IngestAnswer.Refusal] = []
        for (index, body) in bodies.enumerated() {
            do throws(ReportError) {
                metrics.append(try Self.metric(body[...], node: node))
            } catch {
                refused.append(IngestAnswer.Refusal(index: index, reason: Self.shortened(error.message)))
            }
        }
        return (metrics, refused)
    }

    /// Some refusals repeat a word of the metric, which may be as long as the sender likes.
    private static func shortened(_ reason: String) -> String {
        reason.utf8.count <= longestReason ? reason : "\(reason.prefix(longestReason / 4)) …"
    }

    /// Reads one metric's JSON, and fills in what it leaves out as `read(node:)` does.
    ///
    /// - Throws: a refusal with the reason.
    static func metric(_ json: ArraySlice<UInt8>, node: NodeIdentity) throws(ReportError) -> GivenMetric {
        let body: MetricBody
        do throws(MetricJSONError) {
            body = try MetricBody(checking: json)
        } catch {
            throw ReportError(code: .refused, message: "\(error)", isLocal: true)
        }
        if let reason = refusal(of: body) { throw ReportError(code: .refused, message: reason, isLocal: true) }
        return GivenMetric(body, on: node)
    }

    private static func refusal(of body: MetricBody) -> String? {
        guard let dataType = body.givenDataType else { return "data_type is missing" }
        guard body.hasContent else { return "data_content is missing" }
        guard dataType.isValid else { return "data_type '\(dataType)' must be \(TopicWord.rule)" }
        if let nodeType = body.givenNodeType, !TopicWord.isValid(nodeType) {
            return "node_type '\(nodeType)' must be \(TopicWord.rule)"
        }
        return nil
    }

}

/// A metric as another program gave it, with what it left out.
struct GivenMetric: Sendable {
    let body: MetricBody
    let timestamp: Int64
    let node: NodeIdentity

    /// - Parameter node: this node, for what the metric does not say of its own.
    init(_ body: MetricBody, on node: NodeIdentity) {
        self.body = body
        timestamp = body.givenTimestamp ?? WallClock.seconds()
        self.node = NodeIdentity(
            id: body.givenNodeID ?? node.id, type: body.givenNodeType ?? node.type,
            rank: body.givenNodeRank ?? node.rank)
    }

    /// With its content as a text.
    var metric: WorkerTrainingMetric {
        WorkerTrainingMetric(
            dataType: body.dataType, dataContent: body.content, node: node, timestamp: timestamp,
            isFinalResult: body.isFinalResult, needReport: body.needReport)
    }
}

/// What ingest answers to a request: how many metrics it took, and why it refused the others. JSON on the wire.
package struct IngestAnswer: Codable, Hashable, Sendable {
    /// A metric that was not taken.
    package struct Refusal: Codable, Hashable, Sendable {
        /// Its place in the request, from 0.
        package var index: Int
        package var reason: String
    }

    package var accepted: Int
    package var refused: [Refusal]
    /// `true` if the journal could not be written, so that what was accepted is on the bus only. Left out otherwise.
    package var volatile: Bool?

    func encode() -> [UInt8] {
        ControlJSON.encode(self)
    }

    init(accepted: Int, refused: [Refusal]) {
        self.accepted = accepted
        self.refused = refused
    }

    init(_ json: [UInt8]) throws {
        self = try ControlJSON.decode(IngestAnswer.self, json)
    }
}
