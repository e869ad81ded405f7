/// A metric's JSON that has been looked through once: valid, known keys only, values of the right types.
///
/// The content stays where it is, escaped; `content` makes a string of it, and `MetricJSON.encode` copies it as it is.
public struct MetricBody: Sendable {
    /// The JSON, as it was given.
    public let json: ArraySlice<UInt8>
    /// Seconds since 1970; `nil` if the JSON has none.
    public let givenTimestamp: Int64?
    public let givenDataType: DiagnosisDataType?
    public let givenNodeID: Int?
    public let givenNodeType: String?
    public let givenNodeRank: Int?
    public let isFinalResult: Bool
    public let needReport: Bool
    /// Where in `json` the inside of the `data_content` string lies.
    private let contentRange: Range<Int>?

    /// Checks and reads `json`: one object with no other keys than a metric's, each at most once, in any order.
    ///
    /// - Throws: `MetricJSONError` with the place and what is allowed there. Missing keys are no error here: DLRover's master
    ///   fills them in, and so does ingest.
    public init(checking json: ArraySlice<UInt8>) throws(MetricJSONError) {
        var scanner = MetricScanner(json)
        try scanner.scan()
        self.json = json
        givenTimestamp = scanner.timestamp
        givenDataType = scanner.dataType.map { DiagnosisDataType(rawValue: JSONString.unescape(json[$0])) }
        givenNodeID = scanner.nodeID
        givenNodeType = scanner.nodeType.map { JSONString.unescape(json[$0]) }
        givenNodeRank = scanner.nodeRank
        isFinalResult = scanner.isFinalResult ?? false
        needReport = scanner.needReport ?? false
        contentRange = scanner.dataContent
    }

    /// 0 if the JSON has none.
    public var timestamp: Int64 { givenTimestamp ?? 0 }

    /// `GENERIC` if the JSON has none, as in DLRover.
    public var dataType: DiagnosisDataType { givenDataType ?? .generic }

    /// The JSON's identity, with DLRover's defaults where it has none.
    public var node: NodeIdentity {
        NodeIdentity(id: givenNodeID ?? 0, type: givenNodeType ?? "worker", rank: givenNodeRank ?? 0)
    }

    /// Whether the JSON has a `data_content`.
    public var hasContent: Bool { contentRange != nil }

    /// The content as it stands in the JSON, without the quotes.
    public var escapedContent: ArraySlice<UInt8> {
        contentRange.map { json[$0] } ?? []
    }

    public var content: String {
        JSONString.unescape(escapedContent)
    }

    /// The metric that the JSON describes.
    public var metric: WorkerTrainingMetric {
        WorkerTrainingMetric(
            dataType: dataType, dataContent: content, node: node, timestamp: timestamp, isFinalResult: isFinalResult,
            needReport: needReport)
    }
}
