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
        json.makeRoom(for: metric.dataContent.utf8.count + metric.dataContent.utf8.count / 16 + 256)
        appendHead(metric.dataType, timestamp: metric.timestamp, to: &json)
        appendEscaped(metric.dataContent, to: &json)
        appendTail(metric.node, isFinalResult: metric.isFinalResult, needReport: metric.needReport, to: &json)
    }

    /// Appends the JSON of the metric that `body` describes, but with this time and identity.
    ///
    /// A content with only the escapes that this writes, too, is copied without being read again.
    package static func encode(
        _ body: MetricBody, timestamp: Int64, node: NodeIdentity, into json: inout [UInt8]
    ) {
        json.makeRoom(for: body.escapedContent.count + 256)
        appendHead(body.dataType, timestamp: timestamp, to: &json)
        if body.hasPlainEscapes {
            json.append(contentsOf: body.escapedContent)
        } else {
            appendEscaped(body.content, to: &json)
        }
        appendTail(node, isFinalResult: body.isFinalResult, needReport: body.needReport, to: &json)
    }

    /// Appends the JSON of a metric that has everything but its content from `head`.
    ///
    /// The content is `contents` joined by newlines. They are copied unchanged, so each must be the inside of a JSON string, like
    /// `MetricBody.escapedContent`.
    package static func encode(head: MetricBody, contents: [ArraySlice<UInt8>], into json: inout [UInt8]) {
        json.makeRoom(for: contents.reduce(256) { $0 + $1.count + 2 })
        appendHead(head.dataType, timestamp: head.timestamp, to: &json)
        var separator: StaticString = ""
        for content in contents {
            append(separator, to: &json)
            json.append(contentsOf: content)
            separator = #"\n"#
        }
        appendTail(head.node, isFinalResult: head.isFinalResult, needReport: head.needReport, to: &json)
    }

    /// Appends `text` escaped for the inside of a JSON string.
    package static func appendContent(_ text: Substring.UTF8View, to content: inout [UInt8]) {
        let isDone: Void? = text.withContiguousStorageIfAvailable { JSONString.appendEscaped($0, to: &content) }
        if isDone == nil { appendEscaped(String(Substring(text)), to: &content) }
    }

    private static func appendHead(_ dataType: DiagnosisDataType, timestamp: Int64, to json: inout [UInt8]) {
        append(#"{"timestamp": "#, to: &json)
        append(timestamp, to: &json)
        append(#", "data_type": ""#, to: &json)
        appendEscaped(dataType.rawValue, to: &json)
        append(#"", "data_content": ""#, to: &json)
    }

    private static func appendTail(
        _ node: NodeIdentity, isFinalResult: Bool, needReport: Bool, to json: inout [UInt8]
    ) {
        append(#"", "node_id": "#, to: &json)
        append(Int64(node.id), to: &json)
        append(#", "node_type": ""#, to: &json)
        appendEscaped(node.type, to: &json)
        append(#"", "node_rank": "#, to: &json)
        append(Int64(node.rank), to: &json)
        append(isFinalResult ? #", "is_final_result": true"# : #", "is_final_result": false"#, to: &json)
        append(needReport ? #", "need_report": true}"# : #", "need_report": false}"#, to: &json)
    }

    private static func append(_ text: StaticString, to json: inout [UInt8]) {
        json.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private static func append(_ number: Int64, to json: inout [UInt8]) {
        json.append(contentsOf: String(number).utf8)
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
    /// Whether the strings have no escapes but those of two characters that `MetricJSON` writes itself: so none of half a surrogate pair.
    package let hasPlainEscapes: Bool
    /// The inside of the `data_content` string in `json`.
    private let contentRange: Range<Int>?

    /// Checks and reads `json`: one object with no other keys than a metric's, each at most once, in any order.
    ///
    /// - Throws: `MetricJSONError` with the place and what is allowed there. Missing keys are no error here: DLRover's master
    ///   fills them in, and so does ingest.
    public init(checking json: ArraySlice<UInt8>) throws(MetricJSONError) {
        let fields = try MetricScanner.scan(json)
        let start = json.startIndex
        func text(_ range: Range<Int>) -> String {
            JSONString.unescape(json[(start + range.lowerBound)..<(start + range.upperBound)])
        }
        self.json = json
        givenTimestamp = fields.timestamp
        givenDataType = fields.dataType.map { DiagnosisDataType(rawValue: text($0)) }
        givenNodeID = fields.nodeID
        givenNodeType = fields.nodeType.map(text)
        givenNodeRank = fields.nodeRank
        isFinalResult = fields.isFinalResult ?? false
        needReport = fields.needReport ?? false
        contentRange = fields.dataContent.map { (start + $0.lowerBound)..<(start + $0.upperBound) }
        hasPlainEscapes = fields.hasPlainEscapes
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
