import Diagnosis
import Foundation
import TestSupport
import Testing

@Suite struct MetricJSONTests {
    private func metric(_ content: String, node: NodeIdentity = NodeIdentity(id: 3, rank: 2)) -> WorkerTrainingMetric {
        WorkerTrainingMetric(dataType: .trainingLog, dataContent: content, node: node, timestamp: 1_800_000_000)
    }

    @Test func writesTheBytesThatDLRoverWrites() {
        // json.dumps of DLRover 0.6.1's WorkerTrainingMetric.
        let expected =
            #"{"timestamp": 1800000000, "data_type": "TRAINING_LOG", "data_content": "line 1\nline 2\tquote \" backslash \\", "#
            + #""node_id": 3, "node_type": "worker", "node_rank": 2, "is_final_result": false, "need_report": false}"#
        let json = MetricJSON.encode(metric("line 1\nline 2\tquote \" backslash \\"))
        #expect(String(decoding: json, as: UTF8.self) == expected)
    }

    @Test(arguments: [
        "", "a", "12345678", "1234567\"", "\u{0}\u{1}\u{1F}\u{7F}", "\r\n\t\u{8}\u{C}", "héllo 世界 😀",
        "\u{2028}\u{FFFD}",
        String(repeating: "x\\\"\n", count: 1000),
    ])
    func everyOtherReaderReadsTheSameContent(content: String) throws {
        let json = MetricJSON.encode(metric(content))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any])
        #expect(object["data_content"] as? String == content)
        #expect(object.count == 8)
        #expect(try MetricBody(checking: json[...]).metric == metric(content))
    }

    @Test func randomTextSurvives() throws {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let scalars = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                Unicode.Scalar(UInt32.random(in: 0...0x2FF, using: &generator)) ?? "?"
            }
            let content = String(String.UnicodeScalarView(scalars))
            let json = MetricJSON.encode(metric(content))
            #expect(try MetricBody(checking: json[...]).content == content)
            let object = try #require(try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any])
            #expect(object["data_content"] as? String == content)
        }
    }

    @Test func tenMegabytesSurvive() throws {
        let content = String(repeating: "0123456789\n", count: 1 << 20)
        let json = MetricJSON.encode(metric(content))
        #expect(try MetricBody(checking: json[...]).content == content)
    }

    @Test func joinsContentsByNewlinesUnderTheFirstOnesHead() throws {
        let bodies = try ["a\"b", "", "c\nd"].enumerated().map { index, content in
            var metric = metric(content)
            metric.timestamp += Int64(index)
            return try MetricBody(checking: MetricJSON.encode(metric)[...])
        }
        var json: [UInt8] = []
        MetricJSON.encode(head: bodies[0], contents: bodies.map(\.escapedContent), into: &json)
        #expect(try MetricBody(checking: json[...]).metric == metric("a\"b\n\nc\nd"))
    }
}
