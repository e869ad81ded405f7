import CNATS
import Diagnosis
import LogText
import TestSupport
import Testing

@testable import JetStream

@Suite struct EnvelopeMessageTests {
    private static let publisher = PublisherID(high: 1, low: 2)

    private static func batch(
        _ content: String, type: DiagnosisDataType = .trainingLog, epoch: UInt64 = 7, sequence: UInt64 = 3,
        origin: String? = nil
    ) -> EnvelopeBatch {
        var batch = EnvelopeBatch(
            lane: Lane(publisher: publisher, dataType: type), epoch: epoch, nodeType: "worker", nodeRank: 4)
        let metric = WorkerTrainingMetric(
            dataType: type, dataContent: content, node: NodeIdentity(id: 9, type: "worker", rank: 4), timestamp: 100)
        batch.append(
            sequence: sequence, collectionTime: 100, publishTime: 200, body: MetricJSON.encode(metric).span)
        return batch
    }

    /// The headers as libnats would get them.
    private static func texts(_ headers: MessageHeaders) -> [String: String] {
        headers.withHeaders { given, count in
            let pairs = (0..<count).map { (String(cString: given![$0].key), String(cString: given![$0].value)) }
            return Dictionary(uniqueKeysWithValues: pairs)
        }
    }

    /// What they take on the wire: `NATS/1.0`, a line each, an empty line.
    private static func wireSize(_ headers: [String: String]) -> Int {
        headers.reduce(12) { $0 + $1.key.utf8.count + $1.value.utf8.count + 4 }
    }

    @Test func `a message has the envelope's header`() throws {
        let batch = Self.batch("x")
        let message = try EnvelopeMessage(batch.entries[0], of: batch, for: "jobs", room: 1 << 20)
        #expect(message.bodies.count == 1 && !message.hasCutLine)
        let headers = Self.texts(message.headers(part: 1, after: 41, stream: "jobs"))
        #expect(
            headers == [
                "Nats-Msg-Id": "\(Self.publisher)/TRAINING_LOG/7/3", "Nats-Expected-Stream": "jobs",
                "Nats-Expected-Last-Subject-Sequence": "41", "Arobust-Publisher": "\(Self.publisher)",
                "Arobust-Epoch": "7", "Arobust-Sequence": "3", "Arobust-Data-Type": "TRAINING_LOG",
                "Arobust-Node-Type": "worker", "Arobust-Node-Rank": "4", "Arobust-Collection-Time": "100",
                "Arobust-Publish-Time": "200",
            ])
        #expect(
            Self.texts(message.headers(part: 1, after: nil, stream: "jobs"))["Nats-Expected-Last-Subject-Sequence"]
                == nil)
    }

    @Test func `what was never on a bus has no id`() throws {
        let batch = Self.batch("x", epoch: 0)
        let message = try EnvelopeMessage(batch.entries[0], of: batch, for: "jobs", room: 1 << 20)
        #expect(Self.texts(message.headers(part: 1, after: nil, stream: "jobs"))["Nats-Msg-Id"] == nil)
    }

    @Test(arguments: 1...40)
    func `no message is ever larger than there is room`(_ seed: UInt64) throws {
        var chance = SeededGenerator(seed: seed)
        let lines = (0..<Int.random(in: 1...60, using: &chance)).map { number in
            let letters = ["x", "\"", "\\", "\u{1}", "é", "世", "😀", "\t"]
            let length = Int.random(in: 0...(Int.random(in: 0...9, using: &chance) == 0 ? 3000 : 120), using: &chance)
            return "\(number) " + (0..<length).map { _ in letters.randomElement(using: &chance)! }.joined()
        }
        let content = lines.joined(separator: "\n")
        let batch = Self.batch(content, epoch: .max, sequence: .max)
        let room = Int.random(in: 900...6000, using: &chance)
        let message = try EnvelopeMessage(batch.entries[0], of: batch, for: "arobust", room: room)
        var contents: [String] = []
        for (index, body) in message.bodies.enumerated() {
            let headers = Self.texts(message.headers(part: index + 1, after: .max, stream: "arobust"))
            #expect(Self.wireSize(headers) + body.count <= room, "seed \(seed), part \(index + 1)")
            #expect((headers["Arobust-Part"] == nil) == (message.bodies.count == 1))
            contents.append(String(decoding: try MetricBody(checking: body).escapedContent, as: UTF8.self))
        }
        // Nothing is missing, unless a line was longer than a message.
        let whole = String(
            decoding: try MetricBody(checking: batch.body(of: batch.entries[0])).escapedContent, as: UTF8.self)
        if message.hasCutLine {
            #expect(contents.contains { $0.contains("more bytes are cut") })
        } else {
            #expect(contents.joined(separator: "\\n") == whole, "seed \(seed)")
        }
    }

    @Test func `parts have numbers of their own`() throws {
        let batch = Self.batch(Array(repeating: String(repeating: "x", count: 99), count: 50).joined(separator: "\n"))
        let message = try EnvelopeMessage(batch.entries[0], of: batch, for: "jobs", room: 2000)
        let count = message.bodies.count
        #expect(count > 2)
        let headers = Self.texts(message.headers(part: 2, after: nil, stream: "jobs"))
        #expect(headers["Arobust-Part"] == "2/\(count)" && headers["Nats-Msg-Id"]?.hasSuffix("/7/3/2") == true)
    }

    @Test(arguments: [(DiagnosisDataType(rawValue: "GENERIC"), 900), (.trainingLog, 200)])
    func `what cannot be split is refused for good`(_ type: DiagnosisDataType, _ room: Int) {
        let batch = Self.batch(String(repeating: "y\n", count: 1000), type: type)
        do throws(ReportError) {
            _ = try EnvelopeMessage(batch.entries[0], of: batch, for: "jobs", room: room)
            Issue.record("it was taken")
        } catch {
            #expect(error.code == .refused && error.message.contains("more than the \(room) that the stream takes"))
        }
    }

    @Test(arguments: [
        ("job", "TRAINING_LOG", "worker", "arobust.job.TRAINING_LOG.worker.4"),
        ("", "A.B", "worker", "arobust._.A%2EB.worker.4"),
        ("job a.1*>", "GENERIC", "worker", "arobust.job%20a%2E1%2A%3E.GENERIC.worker.4"),
        ("é\n", "GENERIC", "worker", "arobust.%C3%A9%0A.GENERIC.worker.4"),
    ])
    func `a subject is five words`(_ job: String, _ type: String, _ node: String, _ subject: String) {
        let batch = EnvelopeBatch(
            lane: Lane(publisher: Self.publisher, dataType: DiagnosisDataType(rawValue: type)), epoch: 1,
            nodeType: node,
            nodeRank: 4)
        #expect(EnvelopeSubject.text(stream: "arobust", job: job, batch) == subject)
        #expect(subject.split(separator: ".", omittingEmptySubsequences: false).count == 5)
    }
}
