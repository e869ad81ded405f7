import Diagnosis
import Testing

@testable import MasterClients

@Suite struct NDJSONLineTests {
    private static func line(_ body: String, epoch: UInt64 = 5, sequence: UInt64 = 6) throws -> String {
        var lines: [UInt8] = []
        NDJSONLine.append(
            try MetricBody(checking: Array(body.utf8)[...]), publisher: Batches.publisher, epoch: epoch,
            sequence: sequence, to: &lines)
        return String(decoding: lines, as: UTF8.self)
    }

    private static let tail =
        #""publisher": "00000000-0000-0001-0000-000000000002", "epoch": 5, "sequence": 6}"#

    @Test(arguments: [
        (#"{"data_content": "a\n}"}"#, #"{"data_content": "a\n}", "#),
        ("{}", "{"),
        (" { } \n", " {"),
        ("{\n  \"timestamp\": 1,\r\n\t\"node_id\": 2\n}\n", "{   \"timestamp\": 1,  \t\"node_id\": 2, "),
    ])
    func `the keys follow the metric's own, on one line`(_ body: String, _ head: String) throws {
        #expect(try Self.line(body) == head + Self.tail + "\n")
        #expect(try Self.line(Batches.log("x")).hasSuffix(#""need_report": false, "# + Self.tail + "\n"))
    }

    @Test func `the origin stands before the envelope's number, which is still found`() throws {
        var origin = MetricOrigin(path: "/l", device: 1, inode: 2, firstOffset: 3, endOffset: 4, lines: 5)
        origin.firstTime = 1_800_000_000.5
        origin.lastTime = -0.25
        origin.localRank = 3
        var line: [UInt8] = []
        NDJSONLine.append(
            try MetricBody(checking: Array(Batches.log("x").utf8)[...]), origin: origin.json[...],
            publisher: Batches.publisher,
            epoch: 5, sequence: 6, to: &line)
        let json =
            #"{"path": "/l", "device": 1, "inode": 2, "first_offset": 3, "end_offset": 4, "lines": 5, "#
            + #""first_time": 1800000000.500, "last_time": -0.250, "local_rank": 3}"#
        #expect(String(decoding: line, as: UTF8.self).hasSuffix(#", "origin": "# + json + ", " + Self.tail + "\n"))
        #expect(NDJSONLine.origin(of: line.dropLast())?.position == LanePosition(epoch: 5, sequence: 6))
        #expect(MetricOrigin(json: json.utf8) == origin)
        #expect(MetricOrigin(json: "{}".utf8) == nil)
    }

    /// Found by fuzzing: the origin counted as a key that no metric has, and the line as one without a position.
    @Test(arguments: ["{}", #"{"node_id": 2, "data_type": "GENERIC"}"#, #"{"data_content": ", \"origin\": {"}"#])
    func `the number is found behind an origin whatever the metric's form`(_ body: String) throws {
        let origin = MetricOrigin(
            path: #"/a, "origin": b"#, device: 1, inode: 2, firstOffset: 3, endOffset: 4, lines: 5)
        var line: [UInt8] = []
        NDJSONLine.append(
            try MetricBody(checking: Array(body.utf8)[...]), origin: origin.json[...], publisher: Batches.publisher,
            epoch: 5,
            sequence: 6,
            to: &line)
        let found = NDJSONLine.origin(of: line.dropLast())
        #expect(found?.position == LanePosition(epoch: 5, sequence: 6))
        #expect(found?.lane.dataType == .generic)
    }

    @Test func `a metric that was on no bus has no further keys`() throws {
        #expect(try Self.line(Batches.log("x"), epoch: 0) == Batches.log("x") + "\n")
    }

    @Test(arguments: [
        (Batches.log("x"), "TRAINING_LOG"), (Batches.json(.stackTrace, #"", "data_type": "no"#, at: -5), "STACK_TRACE"),
        ("{}", "GENERIC"), (#"{"data_content": "x", "data_type": "odd name"}"#, "odd name"),
        (#"{"timestamp": 1, "data_type": "a\u0062"}"#, "ab"), (#"{"timestamp":1,"data_type":"t"}"#, "t"),
    ])
    func `a line tells which envelope it holds`(_ body: String, _ type: String) throws {
        let line = Array(try Self.line(body, epoch: .max, sequence: 1).utf8).dropLast()
        let origin = try #require(NDJSONLine.origin(of: line))
        #expect(
            origin.lane == Lane(publisher: Batches.publisher, dataType: DiagnosisDataType(rawValue: type)))
        #expect(origin.position == LanePosition(epoch: .max, sequence: 1))
    }

    @Test(arguments: [
        "", "}", "text", "{}", Batches.log("x"), #"{"publisher": "x", "epoch": 1, "sequence": 2}"#,
        #", "epoch": 1, "sequence": 2}"#,
        #"{"a": 1, "publisher": "00000000-0000-0001-0000-000000000002", "epoch": 5, "sequence": 6}"#,
        #"{"publisher": "00000000-0000-0001-0000-000000000002", "epoch": 99999999999999999999, "sequence": 6}"#,
    ])
    func `other lines hold none`(_ line: String) {
        #expect(NDJSONLine.origin(of: Array(line.utf8)[...]) == nil)
    }
}
