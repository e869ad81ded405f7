import Diagnosis
private import Glibc
import NIOCore
import OTLPMessages

/// Makes requests with log records of a batch: one record a line of logs, and one an envelope of every other type.
struct OTLPLogs {
    /// A time of a line that is further away from its envelope's is no time of this line, in seconds.
    private static let longestPast: Double = 7 * 86_400
    private static let longestFuture: Double = 60

    let job: String
    let hostName: String?
    /// The most bytes of a request.
    let limit: Int
    /// Says which lines speak of a failure, and when lines were written; `nil`: nothing is known of either.
    let observer: (any LogObserver)?

    func requests(of batch: EnvelopeBatch) -> [OTLPRequest] {
        var builder = OTLPLogRequestBuilder(limit: limit)
        var known = KnownOrigins()
        for entry in batch.entries {
            builder.beginEnvelope()
            let body = try? MetricBody(checking: batch.body(of: entry))
            let place = known.place(of: entry, in: batch, nodeID: body?.node.id ?? 0, of: self)
            var envelope = Envelope(
                entry: entry, place: place,
                room: OTLPLogRequestBuilder.room(in: limit, resource: place.resource, scope: place.scope))
            guard let body else {
                append(unreadable: batch.body(of: entry), of: envelope, to: &builder)
                builder.endEnvelope(changed: ["unreadable-body": 1])
                continue
            }
            var content = body.content
            let hasHalves = !body.hasPlainEscapes && SurrogateRepair.hasHalf(body.escapedContent)
            // Copies nothing: the content is a native string.
            content.withUTF8 { utf8 in
                let bytes = UnsafeRawBufferPointer(utf8)
                if batch.lane.dataType == .trainingLog {
                    append(linesOf: bytes, of: &envelope, to: &builder)
                } else {
                    append(whole: bytes, of: &envelope, to: &builder)
                }
            }
            var changed: [String: UInt64] = [:]
            if hasHalves { changed["surrogate-repaired"] = 1 }
            if envelope.isSplit { changed[ContentChange.split.rawValue] = 1 }
            builder.endEnvelope(changed: changed)
        }
        return builder.finish()
    }

    /// What the records of an envelope have in common.
    private struct Envelope {
        let entry: EnvelopeBatch.Entry
        let place: KnownOrigins.Place
        /// How many bytes a record may have.
        let room: Int
        let attributes: [UInt8]
        var isSplit = false

        init(entry: EnvelopeBatch.Entry, place: KnownOrigins.Place, room: Int) {
            self.entry = entry
            self.place = place
            self.room = room
            attributes = LogRecordBytes.attributeField(
                OTLPAttributes.number("arobust.sequence", Int(clamping: entry.sequence)).wireBytes)
        }

        /// Without the line's own.
        var head: LogRecordHead { LogRecordHead(observed: entry.publishTime) }
    }

    private func append(
        linesOf bytes: UnsafeRawBufferPointer, of envelope: inout Envelope, to builder: inout OTLPLogRequestBuilder
    ) {
        let judged = observer?.judge(bytes) ?? []
        var head = envelope.head
        var (start, line, nextJudged) = (0, 0, 0)
        while true {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            let found = rest.baseAddress.flatMap { memchr($0, 0x0A, rest.count).map { UnsafeRawPointer($0) } }
            let length = found.flatMap { found in rest.baseAddress.map { found - $0 } } ?? rest.count
            let text = UnsafeRawBufferPointer(rebasing: rest[..<length])
            let end = start + length
            line += 1
            head.line = line
            // A line without a time of its own was written with the one before it, or shortly after.
            if let time = time(of: text, in: envelope.entry) { head.time = max(head.time, time) }
            head.severity = .unspecified
            var rule: String?
            while nextJudged < judged.count, judged[nextJudged].line.lowerBound <= end {
                let severity = Self.severity(judged[nextJudged].weight)
                if rule == nil || severity > head.severity {
                    (head.severity, rule) = (severity, judged[nextJudged].rule)
                }
                nextJudged += 1
            }
            append(text, head, rule: rule, of: &envelope, to: &builder)
            guard end < bytes.count else { return }
            start = end + 1
        }
    }

    private func append(
        whole bytes: UnsafeRawBufferPointer, of envelope: inout Envelope, to builder: inout OTLPLogRequestBuilder
    ) {
        var head = envelope.head
        let seconds = UInt64(clamping: envelope.entry.collectionTime).multipliedReportingOverflow(by: 1_000_000_000)
        head.time = seconds.overflow ? 0 : seconds.partialValue
        // What a rule found in a log after which the training made no step any more.
        if bytes.starts(with: "arobust alarm: ".utf8) { head.severity = .fatal }
        append(bytes, head, rule: nil, of: &envelope, to: &builder)
    }

    /// Bytes that are no metric's JSON, as they are: a receiver gets what the bus carries.
    private func append(
        unreadable body: ArraySlice<UInt8>, of envelope: Envelope, to builder: inout OTLPLogRequestBuilder
    ) {
        var envelope = envelope
        var head = envelope.head
        head.isText = false
        body.withUnsafeBytes { append($0, head, rule: nil, of: &envelope, to: &builder) }
    }

    /// Appends a record, or the records that a body needs that is too long for one.
    private func append(
        _ body: UnsafeRawBufferPointer, _ head: LogRecordHead, rule: String?, of envelope: inout Envelope,
        to builder: inout OTLPLogRequestBuilder
    ) {
        var attributes = envelope.attributes
        if let rule { attributes += LogRecordBytes.attributeField(OTLPAttributes.text("arobust.rule", rule).wireBytes) }
        let place = envelope.place
        func write(_ body: UnsafeRawBufferPointer, _ attributes: [UInt8]) {
            let largest = LogRecordBytes.largestSize(body: body.count, attributes: attributes.count)
            builder.append(resource: place.resource, scope: place.scope, largest: largest) { buffer in
                LogRecordBytes.append(head, body: body, attributes: attributes, to: &buffer)
            }
        }
        guard LogRecordBytes.largestSize(body: body.count, attributes: attributes.count) > envelope.room else {
            return write(body, attributes)
        }
        envelope.isSplit = true
        // Room for the two numbers below.
        let most = max(64, envelope.room - LogRecordBytes.largestSize(body: 0, attributes: attributes.count) - 96)
        let parts = TextParts.split(body, longest: most)
        for (index, part) in parts.enumerated() {
            let numbers = [("arobust.part", index + 1), ("arobust.parts", parts.count)].flatMap { key, number in
                LogRecordBytes.attributeField(OTLPAttributes.number(key, number).wireBytes)
            }
            write(UnsafeRawBufferPointer(rebasing: body[part]), attributes + numbers)
        }
    }

    /// - Returns: nanoseconds since 1970.
    private func time(of line: UnsafeRawBufferPointer, in entry: EnvelopeBatch.Entry) -> UInt64? {
        guard let seconds = observer?.time(of: line), seconds > 0,
            case let age = Double(entry.collectionTime) - seconds, age <= Self.longestPast, age >= -Self.longestFuture
        else { return nil }
        // Whole microseconds: a double has no more.
        return UInt64((seconds * 1e6).rounded()) * 1000
    }

    private static func severity(_ weight: JudgedLine.Weight) -> LogSeverity {
        switch weight {
        case .none: .info
        case .symptom: .warn
        case .rootCause: .error
        }
    }
}

/// Where UTF-8 can be cut without cutting a character.
enum TextParts {
    /// - Parameter longest: the most bytes of a part; 4 or more.
    static func split(_ bytes: UnsafeRawBufferPointer, longest: Int) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var start = 0
        while bytes.count - start > longest {
            var end = start + longest
            // Bytes that continue a character; three at most in valid UTF-8.
            while end > start + longest - 4, bytes[end] & 0xC0 == 0x80 { end -= 1 }
            parts.append(start..<end)
            start = end
        }
        parts.append(start..<bytes.count)
        return parts
    }
}
