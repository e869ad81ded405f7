internal import Diagnosis
internal import LogText

/// How an envelope is a message of a stream, or several where it is larger than the server takes: one page of the wire format.
struct EnvelopeMessage {
    enum Header {
        static let id: StaticString = "Nats-Msg-Id"
        static let lastOfSubject: StaticString = "Nats-Expected-Last-Subject-Sequence"
        static let stream: StaticString = "Nats-Expected-Stream"
        static let publisher: StaticString = "Arobust-Publisher"
        static let epoch: StaticString = "Arobust-Epoch"
        static let sequence: StaticString = "Arobust-Sequence"
        static let dataType: StaticString = "Arobust-Data-Type"
        static let nodeType: StaticString = "Arobust-Node-Type"
        static let nodeRank: StaticString = "Arobust-Node-Rank"
        static let collectionTime: StaticString = "Arobust-Collection-Time"
        static let publishTime: StaticString = "Arobust-Publish-Time"
        static let origin: StaticString = "Arobust-Origin"
        static let part: StaticString = "Arobust-Part"
    }

    /// The bodies, in their order: one, or the parts of a content that was split at line ends.
    let bodies: [ArraySlice<UInt8>]
    let hasCutLine: Bool
    private let entry: EnvelopeBatch.Entry
    private let batch: EnvelopeBatch

    /// - Parameter room: the most bytes of a message, headers and body together.
    init(
        _ entry: EnvelopeBatch.Entry, of batch: EnvelopeBatch, for stream: String, room: Int
    ) throws(ReportError) {
        self.entry = entry
        self.batch = batch
        let body = batch.body(of: entry)
        // The longest that they can be, but for the number of a part.
        let headers = Self.headers(entry, of: batch, part: 1, of: 1, after: .max, stream: stream).size
        guard body.count + headers > room else {
            (bodies, hasCutLine) = ([body], false)
            return
        }
        guard [.trainingLog, .stackTrace].contains(batch.lane.dataType) else {
            throw Self.tooLarge(body.count + headers, room)
        }
        let metric: MetricBody
        do throws(MetricJSONError) {
            metric = try MetricBody(checking: body)
        } catch {
            throw ReportError(code: .refused, message: "the envelope's body is not a metric: \(error)", isLocal: true)
        }
        // What stands around the content, and the part's number: `/1048576` in the id, and a header of its own.
        let around = body.count - metric.escapedContent.count + headers + 48
        guard room - around >= LineSplitter.leastLimit else { throw Self.tooLarge(body.count + headers, room) }
        let splitter = LineSplitter(metric.escapedContent, limit: room - around)
        hasCutLine = splitter.hasCutLine
        bodies = splitter.parts.map { part in
            var json: [UInt8] = []
            MetricJSON.encode(head: metric, contents: [part], into: &json)
            return json[...]
        }
    }

    /// - Parameters:
    ///   - part: from 1.
    ///   - last: the sequence that the stream's last message of the subject has; `nil`: whatever it is.
    func headers(part: Int, after last: UInt64?, stream: String) -> MessageHeaders {
        Self.headers(entry, of: batch, part: part, of: bodies.count, after: last, stream: stream)
    }

    private static func headers(
        _ entry: EnvelopeBatch.Entry, of batch: EnvelopeBatch, part: Int, of parts: Int, after last: UInt64?,
        stream: String
    ) -> MessageHeaders {
        var headers = MessageHeaders()
        let id = "\(batch.lane.publisher)/\(batch.lane.dataType)/\(batch.epoch)/\(entry.sequence)"
        // What was never on a bus has no number of its own.
        if batch.epoch > 0 { headers.add(Header.id, parts > 1 ? "\(id)/\(part)" : id) }
        headers.add(Header.publisher, "\(batch.lane.publisher)")
        headers.add(Header.epoch, batch.epoch)
        headers.add(Header.sequence, entry.sequence)
        headers.add(Header.dataType, "\(batch.lane.dataType)")
        headers.add(Header.nodeType, batch.nodeType)
        headers.add(Header.nodeRank, batch.nodeRank)
        headers.add(Header.collectionTime, entry.collectionTime)
        headers.add(Header.publishTime, entry.publishTime)
        if let origin = batch.originJSON(of: entry) { headers.add(Header.origin, origin) }
        if parts > 1 { headers.add(Header.part, "\(part)/\(parts)") }
        headers.add(Header.stream, stream)
        if let last { headers.add(Header.lastOfSubject, last) }
        return headers
    }

    private static func tooLarge(_ bytes: Int, _ room: Int) -> ReportError {
        ReportError(
            code: .refused,
            message:
                "the message has \(bytes) bytes, more than the \(room) that the stream takes (max_payload of the servers, max_msg_size of the stream)",
            isLocal: true)
    }
}

/// `arobust.JOB.TRAINING_LOG.worker.3`: what a consumer can filter by.
enum EnvelopeSubject {
    static func text(stream: String, job: String, _ batch: EnvelopeBatch) -> String {
        "\(stream).\(word(job.isEmpty ? "_" : job)).\(word("\(batch.lane.dataType)")).\(word(batch.nodeType)).\(batch.nodeRank)"
    }

    /// Bytes other than letters, digits, `-` and `_` as `%2E`: a dot would begin a new word, a blank end the subject.
    static func word(_ text: String) -> String {
        var word: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                word.append(byte)
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                word.append(contentsOf: ("%" + (hex.utf8.count == 1 ? "0" : "") + hex).utf8)
            }
        }
        return String(decoding: word, as: UTF8.self)
    }
}
