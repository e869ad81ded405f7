import Diagnosis
import FoundationEssentials
import NIOCore
import OTLPMessages
import SwiftProtobuf
import Testing

@testable import MasterClients

@Suite struct OTLPLogsTests {
    typealias Request = Opentelemetry_Proto_Collector_Logs_V1_ExportLogsServiceRequest
    typealias Record = Opentelemetry_Proto_Logs_V1_LogRecord

    /// Says that a line is a symptom or a root cause by its words, and that its time is the number it begins with.
    private struct Words: LogObserver {
        func judge(_ lines: UnsafeRawBufferPointer) -> [JudgedLine] {
            var judged: [JudgedLine] = []
            var start = 0
            for line in lines.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
                let text = String(decoding: line, as: UTF8.self)
                let range = start..<(start + line.count)
                if text.contains("bad") { judged.append(JudgedLine(line: range, rule: "symptom", weight: .symptom)) }
                if text.contains("worse") { judged.append(JudgedLine(line: range, rule: "root", weight: .rootCause)) }
                start = range.upperBound + 1
            }
            return judged
        }

        func time(of line: UnsafeRawBufferPointer) -> Double? {
            Double(String(decoding: line.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self))
        }

        func observe(_ lines: String, judged: [JudgedLine], of path: String) {}
    }

    private func requests(
        _ batch: EnvelopeBatch, limit: Int = 1 << 20, observer: (any LogObserver)? = nil
    ) throws -> [(OTLPRequest, Request)] {
        let logs = OTLPLogs(job: "job", hostName: "host", limit: limit, observer: observer)
        return try logs.requests(of: batch).map {
            ($0, try Request(serializedBytes: Array(buffer: $0.message)))
        }
    }

    private func records(_ request: Request) -> [Record] {
        request.resourceLogs.flatMap { $0.scopeLogs.flatMap(\.logRecords) }
    }

    private func attributes(_ pairs: [OTLPKeyValue]) -> [String: String] {
        pairs.reduce(into: [:]) { found, pair in
            switch pair.value.value {
            case .stringValue(let text)?: found[pair.key] = text
            case .intValue(let number)?: found[pair.key] = "\(number)"
            default: Issue.record("an attribute of another kind: \(pair)")
            }
        }
    }

    @Test func `lines are records in their order`() throws {
        let batch = Batches.batch([Batches.log("one\n\ntwo", id: 4), Batches.log("three", id: 4)], from: 8)
        let (request, message) = try #require(try requests(batch).first)
        #expect((request.records, request.touched, request.finished) == (4, 2, 2))
        let found = records(message)
        #expect(found.map(\.body.stringValue) == ["one", "", "two", "three"])
        #expect(found.allSatisfy { $0.body.value != nil })
        let own = found.map { attributes($0.attributes) }
        #expect(own.map { $0["arobust.sequence"] } == ["8", "8", "8", "9"])
        #expect(own.map { $0["arobust.line"] } == ["1", "2", "3", "1"])
        #expect(message.resourceLogs.count == 1 && message.resourceLogs[0].scopeLogs.count == 1)
        let resource = attributes(message.resourceLogs[0].resource.attributes)
        #expect(resource["arobust.node.id"] == "4" && resource["arobust.epoch"] == "7")
        #expect(resource["service.namespace"] == "job" && resource["host.name"] == "host")
    }

    @Test func `what another node or file says has its own attributes`() throws {
        var batch = Batches.batch([Batches.log("a", id: 1), Batches.log("b", id: 2)])
        for path in ["/x", "/x", "/y"] {
            var origin = MetricOrigin(
                path: path, device: 1, inode: 2, firstOffset: .random(in: 0...9), endOffset: 10, lines: 1)
            origin.localRank = 3
            let (body, json) = (Array(Batches.log("c", id: 2).utf8), origin.json)
            batch.append(sequence: 9, collectionTime: 100, publishTime: 0, body: body.span, origin: json.span)
        }
        let (_, message) = try #require(try requests(batch).first)
        #expect(message.resourceLogs.map(\.scopeLogs.count) == [1, 3])
        let scopes = message.resourceLogs[1].scopeLogs.map { attributes($0.scope.attributes) }
        #expect(scopes.map { $0["log.file.path"] } == [nil, "/x", "/y"])
        #expect(scopes.map { $0["arobust.local_rank"] } == [nil, "3", "3"])
        #expect(message.resourceLogs[1].scopeLogs.map(\.logRecords.count) == [1, 2, 1])
    }

    @Test func `severity and time are the lines' own`() throws {
        let batch = Batches.batch([Batches.log("90.5 fine\nno time, bad\n91 bad and worse\n1e9 too late")])
        let found = records(try #require(try requests(batch, observer: Words()).first).1)
        #expect(found.map(\.severityNumber) == [.unspecified, .warn, .error, .unspecified])
        #expect(found.map(\.timeUnixNano) == [90_500_000_000, 90_500_000_000, 91_000_000_000, 91_000_000_000])
        #expect(found.map { attributes($0.attributes)["arobust.rule"] } == [nil, "symptom", "root", nil])
    }

    @Test func `requests are bounded, and nothing is cut`() throws {
        let lines = (0..<500).map { "line \($0) of the log" }
        let long = String(repeating: "ä☃x𝄞", count: 2000)
        let batch = Batches.batch([
            Batches.log(lines.joined(separator: "\n")), Batches.log(long), Batches.log("end"),
        ])
        let all = try requests(batch, limit: 4096)
        #expect(all.count > 10)
        #expect(all.allSatisfy { $0.0.message.readableBytes <= 4096 })
        #expect(all.map(\.0.finished).reduce(0, +) == 3)
        #expect(all.map(\.0.changed).reduce(into: [:]) { $0.merge($1) { $0 + $1 } } == ["split": 1])
        let found = all.flatMap { records($0.1) }
        #expect(all.map(\.0.records).reduce(0, +) == found.count)
        #expect(found.prefix(500).map(\.body.stringValue) == lines)
        let parts = found.dropFirst(500).dropLast()
        #expect(parts.map(\.body.stringValue).joined() == long)
        #expect(parts.map { attributes($0.attributes)["arobust.part"] } == (1...parts.count).map { "\($0)" })
        #expect(Set(parts.map { attributes($0.attributes)["arobust.parts"] }) == ["\(parts.count)"])
        // An envelope of which a request has only a middle is touched by it, and not finished.
        #expect(all.allSatisfy { $0.0.touched >= $0.0.finished && $0.0.touched >= 1 })
    }

    @Test func `bytes that are no metric go as they are`() throws {
        var batch = Batches.batch([])
        let body: [UInt8] = [0xFF, 0x00, 0x7B]
        batch.append(sequence: 1, collectionTime: 1, publishTime: 2, body: body.span)
        let (request, message) = try #require(try requests(batch).first)
        let record = try #require(records(message).first)
        #expect(Array(record.body.bytesValue) == body && record.observedTimeUnixNano == 2)
        #expect(request.changed == ["unreadable-body": 1])
    }

    @Test func `half a surrogate pair is repaired and counted`() throws {
        let body = Batches.log("x").replacing(#""x""#, with: #""a\ud800b""#)
        let (request, message) = try #require(try requests(Batches.batch([body])).first)
        #expect(records(message).map(\.body.stringValue) == ["a\u{FFFD}b"])
        #expect(request.changed == ["surrogate-repaired": 1])
    }
}

/// The writer of log records beside the generated code: byte for byte the same.
@Suite struct LogRecordBytesTests {
    @Test(arguments: [0, 1, 0x7F, 0x80, 1 << 40, UInt64.max], [0, 1, 100, 127, 128, 20_000])
    func `it writes what the generated code writes`(_ number: UInt64, _ length: Int) throws {
        for severity in [LogSeverity.unspecified, .fatal] {
            for line in [nil, 1, 127, 128, 70_000] {
                for isText in [true, false] {
                    let body = [UInt8](repeating: UInt8(ascii: "x"), count: length)
                    var head = LogRecordHead(time: number, observed: ~number, severity: severity, line: line)
                    head.isText = isText
                    let sequence = OTLPAttributes.number("arobust.sequence", Int(clamping: number))
                    var written = ByteBuffer()
                    let attributes = LogRecordBytes.attributeField(sequence.wireBytes)
                    body.withUnsafeBytes {
                        LogRecordBytes.append(head, body: $0, attributes: attributes, to: &written)
                    }
                    var record = Opentelemetry_Proto_Logs_V1_LogRecord()
                    record.timeUnixNano = number
                    record.observedTimeUnixNano = ~number
                    record.severityNumber = .init(rawValue: Int(severity.rawValue)) ?? .unspecified
                    if isText {
                        record.body.stringValue = String(decoding: body, as: UTF8.self)
                    } else {
                        record.body.bytesValue = Data(body)
                    }
                    record.attributes = [sequence]
                    if let line { record.attributes.append(OTLPAttributes.number("arobust.line", line)) }
                    var scope = Opentelemetry_Proto_Logs_V1_ScopeLogs()
                    scope.logRecords = [record]
                    #expect(Array(buffer: written) == scope.wireBytes)
                    #expect(
                        written.readableBytes <= LogRecordBytes.largestSize(body: length, attributes: attributes.count))
                }
            }
        }
    }

    @Test func `characters are not cut`() {
        let text = Array("aä☃𝄞".utf8)
        text.withUnsafeBytes { bytes in
            for longest in 4...12 {
                let parts = TextParts.split(bytes, longest: longest).map { Array(bytes[$0]) }
                #expect(parts.flatMap(\.self) == text)
                #expect(parts.allSatisfy { $0.count <= longest && String(validating: $0, as: UTF8.self) != nil })
            }
        }
    }
}
