/// Writes a metric as the JSON that DLRover's master takes as `data_content` and that the bus carries as body.
///
/// Keys, their order and the separators are those of DLRover's own `to_json` (Python's `json.dumps`), so that both write the same
/// bytes for ASCII content. Other characters stay UTF-8 instead of becoming `\u` escapes: half to a third of the size, and masters take it
/// just as well.
public enum MetricJSON {
    /// The metric's JSON, as UTF-8: one object, without a newline.
    public static func encode(_ metric: WorkerTrainingMetric) -> [UInt8] {
        var json: [UInt8] = []
        encode(metric, into: &json)
        return json
    }

    /// Appends the metric's JSON to `json`.
    package static func encode(_ metric: WorkerTrainingMetric, into json: inout [UInt8]) {
        var content = metric.dataContent
        let node = metric.node
        json.makeRoom(for: content.utf8.count + content.utf8.count / 16 + 256)
        append(#"{"timestamp": "#, to: &json)
        append(String(metric.timestamp), to: &json)
        append(#", "data_type": ""#, to: &json)
        appendEscaped(metric.dataType.rawValue, to: &json)
        append(#"", "data_content": ""#, to: &json)
        content.withUTF8 { JSONString.appendEscaped($0, to: &json) }
        appendTail(node, isFinalResult: metric.isFinalResult, needReport: metric.needReport, to: &json)
    }

    /// Appends the JSON of a metric that has everything but its content from `head`.
    ///
    /// The content is `contents` joined by newlines. They are copied unchanged, so each must be the inside of a JSON string, like
    /// `MetricBody.escapedContent`.
    package static func encode(head: MetricBody, contents: [ArraySlice<UInt8>], into json: inout [UInt8]) {
        let node = head.node
        json.makeRoom(for: contents.reduce(256) { $0 + $1.count + 2 })
        append(#"{"timestamp": "#, to: &json)
        append(String(head.timestamp), to: &json)
        append(#", "data_type": ""#, to: &json)
        appendEscaped(head.dataType.rawValue, to: &json)
        append(#"", "data_content": ""#, to: &json)
        var separator = ""
        for content in contents {
            append(separator, to: &json)
            json.append(contentsOf: content)
            separator = #"\n"#
        }
        appendTail(node, isFinalResult: head.isFinalResult, needReport: head.needReport, to: &json)
    }

    /// Appends `text` escaped for the inside of a JSON string.
    package static func appendContent(_ text: Substring.UTF8View, to content: inout [UInt8]) {
        let isDone: Void? = text.withContiguousStorageIfAvailable { JSONString.appendEscaped($0, to: &content) }
        if isDone == nil { appendEscaped(String(Substring(text)), to: &content) }
    }

    private static func appendTail(
        _ node: NodeIdentity, isFinalResult: Bool, needReport: Bool, to json: inout [UInt8]
    ) {
        append(#"", "node_id": "#, to: &json)
        append(String(node.id), to: &json)
        append(#", "node_type": ""#, to: &json)
        appendEscaped(node.type, to: &json)
        append(#"", "node_rank": "#, to: &json)
        append(String(node.rank), to: &json)
        append(isFinalResult ? #", "is_final_result": true"# : #", "is_final_result": false"#, to: &json)
        append(needReport ? #", "need_report": true}"# : #", "need_report": false}"#, to: &json)
    }

    private static func append(_ text: String, to json: inout [UInt8]) {
        json.append(contentsOf: text.utf8)
    }

    private static func appendEscaped(_ text: String, to json: inout [UInt8]) {
        var text = text
        text.withUTF8 { JSONString.appendEscaped($0, to: &json) }
    }
}

extension [UInt8] {
    /// Makes room for `count` more bytes, at least doubling the capacity when it grows: `reserveCapacity` alone would copy everything at each
    /// of many calls.
    fileprivate mutating func makeRoom(for count: Int) {
        let needed = self.count + count
        if needed > capacity { reserveCapacity(Swift.max(needed, 2 * capacity)) }
    }
}

/// A metric's JSON that has been checked: valid, with known keys only and values of the right types.
///
/// Reads what an envelope carries (`EnvelopeBatch.body(of:)`): `try MetricBody(checking: body).metric`. The content stays escaped in the JSON
/// until `content` makes a string of it.
public struct MetricBody: Sendable {
    /// The JSON, as it was given.
    public let json: ArraySlice<UInt8>
    /// Seconds since 1970; `nil` if the JSON has none.
    public let givenTimestamp: Int64?
    /// `nil` if the JSON has none.
    public let givenDataType: DiagnosisDataType?
    /// `nil` if the JSON has none.
    public let givenNodeID: Int?
    /// `nil` if the JSON has none.
    public let givenNodeType: String?
    /// `nil` if the JSON has none.
    public let givenNodeRank: Int?
    /// `false` if the JSON does not say.
    public let isFinalResult: Bool
    /// `false` if the JSON does not say.
    public let needReport: Bool
    /// The inside of the `data_content` string in `json`.
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

    /// The content as it is in the JSON: escaped, without the quotes. Empty if the JSON has none.
    public var escapedContent: ArraySlice<UInt8> {
        contentRange.map { json[$0] } ?? []
    }

    /// The content as text. Half of a surrogate pair becomes U+FFFD; empty if the JSON has none.
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

/// Why bytes are not a metric's JSON.
public struct MetricJSONError: Error, Hashable, CustomStringConvertible {
    /// Where reading stopped, in bytes from the start.
    public let offset: Int
    /// What was found there and what is allowed.
    public let reason: String

    public var description: String { "at byte \(offset): \(reason)" }
}
