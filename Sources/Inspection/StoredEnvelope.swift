public import Diagnosis
private import Foundation

/// One envelope as the journal has it.
public struct StoredEnvelope: Hashable, Sendable {
    public var publisher: PublisherID?
    public var dataType: DiagnosisDataType
    public var position: LanePosition
    public var topic: String
    /// Seconds since 1970.
    public var collectionTime: Int64
    /// Nanoseconds since 1970.
    public var publishTime: UInt64
    /// The metric's JSON.
    public var body: [UInt8]
}

extension StoredEnvelope {
    /// The header's fields, then the metric's content, for a terminal.
    public var lines: [String] {
        let nanoseconds = String(publishTime % 1_000_000_000)
        let milliseconds = (String(repeating: "0", count: 9 - nanoseconds.count) + nanoseconds).prefix(3)
        let published = MomentText.write(Int64(clamping: publishTime / 1_000_000_000)).dropLast()
        var lines = [
            "\(dataType.rawValue) \(position)", "publisher   \(publisher.map { "\($0)" } ?? "unknown")",
            "topic       \(HumanText.line(topic))", "collected   \(MomentText.write(collectionTime))",
            "published   \(published).\(milliseconds)Z", "body        \(HumanText.bytes(body.count))",
        ]
        do {
            let metric = try MetricBody(checking: body[...])
            let node = metric.node
            lines.append("node        \(HumanText.line(node.type))/\(node.rank), id \(node.id)")
            if metric.isFinalResult { lines.append("final       yes") }
            if metric.needReport { lines.append("need report yes") }
            lines += ["", HumanText.lines(metric.content)]
        } catch {
            lines += [
                "", "The body is not a metric's JSON, \(error):",
                HumanText.lines(String(decoding: body, as: UTF8.self)),
            ]
        }
        return lines
    }

    /// One object on one line: the header's fields, and the metric under `metric`, as it stands in the journal; a body that is no
    /// metric is text under `body`.
    public func json() throws -> String {
        struct Header: Encodable {
            var publisher: String?
            var data_type: String
            var epoch: UInt64
            var sequence: UInt64
            var topic: String
            var collection_time: Int64
            var publish_time: UInt64
            var body: String?
        }
        let isMetric = (try? MetricBody(checking: body[...])) != nil
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let header = Header(
            publisher: publisher.map { "\($0)" }, data_type: dataType.rawValue, epoch: position.epoch,
            sequence: position.sequence, topic: topic, collection_time: collectionTime, publish_time: publishTime,
            body: isMetric ? nil : String(decoding: body, as: UTF8.self))
        let text = String(decoding: try encoder.encode(header), as: UTF8.self)
        guard isMetric else { return text }
        var line: [UInt8] = []
        ExportLine.appendOneLine(body[...], to: &line)
        return text.dropLast() + #","metric":"# + String(decoding: line, as: UTF8.self) + "}"
    }
}
