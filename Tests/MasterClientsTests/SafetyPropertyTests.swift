import Diagnosis
import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import MasterClients

/// Whatever is on the bus, a DLRover master gets nothing that it does not survive.
@Suite(.timeLimit(.minutes(1))) struct SafetyPropertyTests {
    private static let now: Int64 = 1_800_000_000
    private static let keys: Set<String> = [
        "timestamp", "data_type", "data_content", "node_id", "node_type", "node_rank", "is_final_result", "need_report",
    ]
    private static let types: [DiagnosisDataType] = [
        .xpuTimerMetric, .trainingLog, .stackTrace, .generic, .init(rawValue: "MY.OWN"),
    ]
    private static let pieces = [
        "XPU_TIMER_COMMON_HANG", "XPU_TIMER_COMMON_HANG{a=\"}\",b=\"\\\" 1\"} 1.0", "XPU_TIMER_COMMON_HANG{} 0 17",
        "XPU_TIMER_COMMON_HANG_X 3", "{", "}", "\"", "\\", "\n", "\r", "\u{85}", "\u{2028}", "\u{1D}", " ", "\t", "1",
        "0",
        "NaN", "é", "😀", "\0", "word word word word", String(repeating: "x", count: 400),
        "XPU_TIMER_COMMON_HANG 0\n",
    ]

    /// A body that is good, or nearly so.
    private func body(_ type: DiagnosisDataType, _ random: inout SeededGenerator) -> [UInt8] {
        var content = ""
        for _ in 0..<Int.random(in: 0...30, using: &random) {
            content += Self.pieces.randomElement(using: &random) ?? ""
            if Bool.random(using: &random) { content += "\n" }
        }
        let time = Self.now + (Bool.random(using: &random) ? 0 : Int64.random(in: -900...200, using: &random))
        let metric = WorkerTrainingMetric(
            dataType: type, dataContent: content, node: NodeIdentity(id: .random(in: 0...1, using: &random)),
            timestamp: Int.random(in: 0..<20, using: &random) == 0 ? time * 1000 : time)
        var body = MetricJSON.encode(metric)
        if Int.random(in: 0..<4, using: &random) == 0 {
            let surrogate = Array(#""data_content": "\ud83d\ude00\ud83d"#.utf8)
            if let place = body.firstRange(of: Array(#""data_content": ""#.utf8)) {
                body.replaceSubrange(place, with: surrogate)
            }
        }
        if Int.random(in: 0..<8, using: &random) == 0 {
            body[Int.random(in: body.indices, using: &random)] = .random(in: 0...255, using: &random)
        }
        return body
    }

    private func batch(_ random: inout SeededGenerator) -> EnvelopeBatch {
        let type = Self.types.randomElement(using: &random) ?? .generic
        var batch = EnvelopeBatch(
            lane: Lane(publisher: Batches.publisher, dataType: type), epoch: .random(in: 0...1, using: &random),
            nodeType: "worker", nodeRank: Int.random(in: 0..<20, using: &random) == 0 ? 1 : 0)
        for sequence in 1...Int.random(in: 1...8, using: &random) {
            let other = Self.types.randomElement(using: &random) ?? type
            let body = body(Int.random(in: 0..<15, using: &random) == 0 ? other : type, &random)
            let time = (try? MetricBody(checking: body[...]))?.givenTimestamp ?? Self.now
            batch.append(
                sequence: UInt64(sequence),
                collectionTime: Int.random(in: 0..<30, using: &random) == 0 ? time + 1 : time,
                publishTime: 0, body: body.span)
        }
        return batch
    }

    /// What Python's `json.loads` would answer, checked by another reader than ours.
    private func check(_ json: String, _ batch: EnvelopeBatch) throws {
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(Set(object.keys) == Self.keys)
        let time = try #require(object["timestamp"] as? Int64)
        #expect((Self.now - 600...Self.now + 60).contains(time))
        #expect(object["data_type"] as? String == batch.lane.dataType.rawValue)
        #expect(object["node_rank"] as? Int == batch.nodeRank && object["node_id"] is Int)
        let content = try #require(object["data_content"] as? String)
        guard batch.lane.dataType == .xpuTimerMetric else { return }
        let lines = PythonLines.split(content[...].utf8).map { String(Substring($0)) }
            .filter { $0.utf8.starts(with: HangLine.name.utf8) }
        #expect(!lines.isEmpty, "\(content.debugDescription)")
        for line in lines { #expect(line.hasSuffix(" 0") || line.hasSuffix(" 1"), "\(content.debugDescription)") }
    }

    @Test(arguments: 0..<8)
    func `no batch makes a report that breaks a rule`(_ seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        var reports = 0
        for _ in 0..<250 {
            let batch = batch(&random)
            var options = MasterClientOptions()
            options.contentBytes = .random(in: 256...2000, using: &random)
            options.maxMessageBytes = .random(in: 1024...6000, using: &random)
            options.slim = .random(using: &random)
            let transport = FakeTransport()
            if Int.random(in: 0..<5, using: &random) == 0 {
                transport.state.withLock { $0.messageLimit = Int.random(in: 900...5000, using: &random) }
            }
            let client = DLRoverClient(
                transport: transport, master: "m", options: options, logger: Logger(label: "test"), now: { Self.now })
            let outcome = await client.report(batch)
            for json in transport.bodies {
                try check(json, batch)
                #expect(json.utf8.count < options.maxMessageBytes)
                reports += 1
            }
            #expect(outcome.accepted <= batch.count && (outcome.failure != nil || outcome.accepted == batch.count))
            #expect(outcome.skipped.map(\.index).allSatisfy { $0 < outcome.accepted })
            #expect(outcome.skipped.map(\.index) == outcome.skipped.map(\.index).sorted())
            #expect(outcome.failure?.error.code ?? .refused == .refused)
            for (_, count) in outcome.changed { #expect(count <= UInt64(outcome.accepted - outcome.skipped.count)) }
        }
        #expect(reports > 100)
    }
}
