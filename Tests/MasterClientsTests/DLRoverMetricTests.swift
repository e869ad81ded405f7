import Diagnosis
import Testing
import TestSupport

@testable import MasterClients

@Suite struct DLRoverMetricTests {
    private func check(
        _ body: String, type: DiagnosisDataType = .generic, time: Int64 = 1000, nodeType: String = "worker",
        rank: Int = 0, now: Int64 = 1000, _ change: (inout MasterClientOptions) -> Void = { _ in }
    ) throws -> DLRoverMetric {
        var batch = EnvelopeBatch(
            lane: Lane(publisher: Batches.publisher, dataType: type), epoch: 1, nodeType: nodeType, nodeRank: rank)
        batch.append(sequence: 1, collectionTime: time, publishTime: 0, body: Array(body.utf8).span)
        var options = MasterClientOptions()
        change(&options)
        return try DLRoverMetric(checking: batch.entries[0], of: batch, limits: ReportLimits(options), now: now)
    }

    private func consequence(_ check: () throws -> DLRoverMetric) -> DLRoverObjection.Consequence? {
        do {
            _ = try check()
            return nil
        } catch {
            return (error as? DLRoverObjection)?.consequence
        }
    }

    @Test(
        arguments: [
            (1000, nil), (400, nil), (399, "stale"), (1060, nil), (1061, "future"), (1_000_000, "future"), (0, "stale"),
            (-5, "stale"), (Int64.max, "future"), (Int64.min, "stale"),
        ] as [(Int64, String?)])
    func `only times about now are sent`(_ time: Int64, _ rule: String?) {
        let found = consequence { try check(Batches.json(.generic, "x", at: time), time: time) }
        #expect(found == rule.map { .skipped(rule: $0) })
    }

    @Test func `the body must say what the header says`() {
        let body = Batches.json(.generic, "x", at: 1000)
        #expect(consequence { try check(body) } == nil)
        #expect(consequence { try check(body, type: .stackTrace) } == .refused)
        #expect(consequence { try check(body, time: 999) } == .refused)
        #expect(consequence { try check(body, nodeType: "ps") } == .refused)
        #expect(consequence { try check(body, rank: 1) } == .refused)
        #expect(consequence { try check("[]") } == .refused)
        #expect(consequence { try check(#"{"data_type":"GENERIC","data_content":""}"#) } == .refused)
    }

    @Test func `half of a surrogate pair is replaced`() throws {
        func content(_ escaped: String) throws -> String {
            let metric = try check(#"{"timestamp": 1000, "data_content": "\#(escaped)"}"#)
            return String(decoding: metric.content, as: UTF8.self)
        }
        #expect(try content(#"a\ud83d\ude00b"#) == #"a\ud83d\ude00b"#)
        #expect(try content(#"\ud83dx\\ud83d\uDE00"#) == #"\ufffdx\\ud83d\ufffd"#)
    }

    @Test func `a long log is split at its line ends`() throws {
        let lines = (0..<200).map { "line \($0) é\t\"" }
        let metric = try check(
            Batches.json(.trainingLog, lines.joined(separator: "\n"), at: 1000), type: .trainingLog
        ) { $0.contentBytes = 300 }
        let parts = [metric.content] + metric.furtherContents
        #expect(parts.count > 3 && parts.allSatisfy { $0.count <= 300 && $0.count > 200 || $0 == parts.last })
        let joined = parts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: #"\n"#)
        let json = Array("{\"data_content\": \"\(joined)\"}".utf8)
        #expect(try MetricBody(checking: json[...]).content == lines.joined(separator: "\n"))
        #expect(metric.changes == [.split])
    }

    @Test func `a line that is too long is cut, and says so`() throws {
        let long = String(repeating: "é\u{1}", count: 1000)
        let metric = try check(
            Batches.json(.stackTrace, "short\n\(long)\nend", at: 1000), type: .stackTrace
        ) { $0.contentBytes = 300 }
        let parts = ([metric.content] + metric.furtherContents).map { String(decoding: $0, as: UTF8.self) }
        #expect(parts.count == 3 && parts[0] == "short" && parts[2] == "end")
        #expect(parts[1].utf8.count <= 300)
        let match = try #require(parts[1].firstMatch(of: /^((?:é\\u0001)+é?) \[arobust: (\d+) more bytes are cut\]$/))
        let kept = match.1.count(where: { $0 == "é" }) * 2 + match.1.count(where: { $0 == "\\" })
        #expect(kept + (Int(match.2) ?? 0) == 3000)
        #expect(metric.changes == [.split, .lineCut])
    }

    @Test(arguments: [1, 2, UInt64.random(in: 0 ... .max)])
    func `no body makes a report that breaks a rule`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let types: [DiagnosisDataType] = [.trainingLog, .stackTrace, .xpuTimerMetric, .generic]
        var reports = 0
        for round in 0..<2000 {
            let type = types[round % types.count]
            let hang = Bool.random(using: &random) ? "XPU_TIMER_COMMON_HANG 1.0\n" : ""
            let length = Int.random(in: 0...60, using: &random)
            let words = (0..<length).map { _ in
                ["a", "\n", "\u{1}", "\"", "é😀", "word word"].randomElement(using: &random) ?? ""
            }
            var body = Array(
                Batches.json(type, hang + words.joined(), at: .random(in: 900...1100, using: &random)).utf8)
            if Int.random(in: 0..<4, using: &random) == 0 {
                body[Int.random(in: body.indices, using: &random)] = .random(in: 0...255, using: &random)
            }
            let options = { (options: inout MasterClientOptions) in
                options.contentBytes = 256
                options.maxMessageBytes = 1500
            }
            let time = (try? MetricBody(checking: body[...]))?.timestamp ?? 1000
            guard let metric = try? check(String(decoding: body, as: UTF8.self), type: type, time: time, options)
            else { continue }
            for content in [metric.content] + metric.furtherContents {
                let report = DLRoverReport(metric, content: content)
                let written = try MetricBody(checking: report.json[...])
                #expect(written.givenTimestamp == time && written.givenNodeID != nil && written.givenNodeType != nil)
                #expect(written.givenNodeRank != nil && written.givenDataType == type && written.hasContent)
                #expect(type == .generic || report.messageSize(.comm) <= 1500)
                reports += 1
            }
        }
        #expect(reports > 500)
    }
}
