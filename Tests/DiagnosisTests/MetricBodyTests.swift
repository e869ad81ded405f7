import Diagnosis
import TestSupport
import Testing

@Suite struct MetricBodyTests {
    private func check(_ json: String) throws -> MetricBody {
        try MetricBody(checking: Array(json.utf8)[...])
    }

    @Test func takesKeysInAnyOrderAndSpacing() throws {
        let body = try check("{ \"node_rank\" :-1,\n\t\"data_content\":\"x\",\"data_type\":\"A\",\"timestamp\":5 } ")
        #expect(body.node.rank == -1)
        #expect(body.content == "x")
        #expect(body.dataType.rawValue == "A")
        #expect(body.timestamp == 5)
    }

    @Test func leavesOutWhatIsNotThere() throws {
        let body = try check("{}")
        #expect(body.givenTimestamp == nil)
        #expect(body.givenDataType == nil)
        #expect(!body.hasContent)
        #expect(body.node == NodeIdentity())
    }

    @Test(arguments: [
        (#"{"data_content": "\u00e9\ud83d\ude00\/\b\f"}"#, "é😀/\u{8}\u{C}"),
        (#"{"data_content": "\ud83d"}"#, "\u{FFFD}"),
        (#"{"data_content": "\ude00x"}"#, "\u{FFFD}x"),
        (#"{"data_content": "\ud83d\u0041"}"#, "\u{FFFD}A"),
    ])
    func readsEscapes(json: String, content: String) throws {
        #expect(try check(json).content == content)
    }

    @Test(arguments: [
        ("", 0, "begins with '{'"),
        ("[]", 0, "begins with '{'"),
        ("{", 1, "a key"),
        ("{}x", 2, "nothing after"),
        (#"{"a": 1}"#, 1, "unknown key 'a'"),
        (#"{"need_report": false, "need_report": false}"#, 23, "twice"),
        (#"{"timestamp": 1.5}"#, 14, "whole seconds"),
        (#"{"timestamp": 1e3}"#, 14, "whole seconds"),
        (#"{"timestamp": "5"}"#, 14, "whole seconds"),
        (#"{"timestamp": 01}"#, 14, "whole seconds"),
        (#"{"timestamp": 99999999999999999999}"#, 14, "64 bits"),
        (#"{"timestamp": null}"#, 14, "whole seconds"),
        (#"{"data_content": 5}"#, 17, "a string"),
        (#"{"data_content": "a}"#, 20, "no end"),
        (#"{"data_content": "\x"}"#, 19, "unknown escape"),
        (#"{"data_content": "\u12"}"#, 20, "four hex digits"),
        ("{\"data_content\": \"a\nb\"}", 19, "control character"),
        (#"{"need_report": 1}"#, 16, "true or false"),
        (#"{"node_id": 1,}"#, 14, "a key"),
        (#"{"node_id": 1 "node_rank": 2}"#, 14, "',' or '}'"),
    ])
    func refusesOtherThingsAndSaysWhere(json: String, offset: Int, reason: String) throws {
        let error = try #require(throws: MetricJSONError.self) { _ = try check(json) }
        #expect(error.offset == offset)
        #expect(error.reason.contains(reason), "\(error)")
    }

    @Test func refusesInvalidUTF8() throws {
        let json = Array(#"{"data_content": "a"#.utf8) + [0xFF] + Array(#""}"#.utf8)
        let error = try #require(throws: MetricJSONError.self) { _ = try MetricBody(checking: json[...]) }
        #expect(error.offset == 19)
        #expect(error.reason.contains("UTF-8"))
    }

    @Test func anyBytesEitherReadOrAreRefused() {
        var generator = SeededGenerator(seed: 11)
        let good = Array(
            #"{"timestamp": 1, "data_type": "A", "data_content": "a\u00e9\n", "node_id": 0, "need_report": true}"#.utf8)
        for _ in 0..<20_000 {
            var json = good.prefix(Int.random(in: 0...good.count, using: &generator))
            for _ in 0..<Int.random(in: 0...3, using: &generator) where !json.isEmpty {
                json[Int.random(in: json.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            if let body = try? MetricBody(checking: json) { _ = body.metric }
        }
    }

    @Test func readsASliceInTheMiddleOfOtherBytes() throws {
        let bytes = Array(#"xx{"data_content": "in the middle"}yy"#.utf8)
        #expect(try MetricBody(checking: bytes[2..<(bytes.count - 2)]).content == "in the middle")
    }
}
