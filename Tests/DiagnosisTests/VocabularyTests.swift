import Diagnosis
import Foundation
import TestSupport
import Testing

@Suite struct VocabularyTests {
    @Test(arguments: [("A", true), ("a.b-c_9", true), ("", false), ("a/b", false), ("$beat", false), ("é", false)])
    func topicWordsAreNarrow(word: String, isValid: Bool) {
        #expect(DiagnosisDataType(rawValue: word).isValid == isValid)
    }

    @Test func topicWordsHaveUpTo64Characters() {
        #expect(TopicWord.isValid(String(repeating: "a", count: 64)))
        #expect(!TopicWord.isValid(String(repeating: "a", count: 65)))
    }

    /// Found by fuzzing: counting on from the last number there is, or counting such a range, ended the process.
    @Test(
        arguments: [
            (1, 3, true), (3, 3, true), (0, 3, false), (4, 3, false), (1, UInt64.max, false), (1, UInt64.max - 1, true),
        ] as [(UInt64, UInt64, Bool)])
    func aRangeIsReadOnlyIfItsSequencesCanBeCounted(first: UInt64, last: UInt64, isRange: Bool) {
        let json = Data(#"{"epoch": 1, "first": \#(first), "last": \#(last)}"#.utf8)
        #expect(((try? JSONDecoder().decode(SequenceRange.self, from: json)) != nil) == isRange)
    }

    @Test func publisherIDsReadWhatTheyWrite() {
        for _ in 0..<100 {
            let id = PublisherID()
            #expect(PublisherID(id.description) == id)
        }
        #expect(PublisherID(high: 1, low: 2).description == "00000000-0000-0001-0000-000000000002")
        #expect(PublisherID("not an id") == nil)
    }

    @Test func batchesShareTheirBodies() {
        let lane = Lane(publisher: PublisherID(), dataType: .generic)
        var batch = EnvelopeBatch(lane: lane, epoch: 1, nodeType: "worker", nodeRank: 0)
        for sequence in 1...5 {
            batch.append(
                sequence: UInt64(sequence), collectionTime: 0, publishTime: 0,
                body: Array("body \(sequence)".utf8).span)
        }
        let middle = batch.dropFirst(1).prefix(3)
        #expect(middle.entries.map(\.sequence) == [2, 3, 4])
        #expect(
            middle.entries.map { String(decoding: middle.body(of: $0), as: UTF8.self) } == [
                "body 2", "body 3", "body 4",
            ])
        #expect(middle.byteCount == 18)
        var joined = batch.prefix(1)
        joined.append(batch.dropFirst(4))
        #expect(joined.entries.map { String(decoding: joined.body(of: $0), as: UTF8.self) } == ["body 1", "body 5"])
    }

    /// Batches that were cut, joined at once: as if their envelopes had come one by one.
    @Test(arguments: 0..<50) func joinedBatchesKeepTheirBodiesAndOrigins(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let lane = Lane(publisher: PublisherID(), dataType: .generic)
        let empty = EnvelopeBatch(lane: lane, epoch: 1, nodeType: "worker", nodeRank: 0)
        var sequence: UInt64 = 0
        let parts = (0..<Int.random(in: 1...6, using: &random)).map { _ in
            var part = empty
            for _ in 0..<Int.random(in: 0...8, using: &random) {
                sequence += 1
                let origin =
                    Bool.random(using: &random)
                    ? MetricOrigin(
                        path: "/log/\(sequence)", device: 1, inode: 2, firstOffset: 0, endOffset: 9, lines: 1
                    ).json : []
                part.append(
                    sequence: sequence, collectionTime: Int64(sequence), publishTime: 7 * sequence,
                    body: Array("body \(sequence)".utf8).span, origin: origin.span, isShed: Bool.random(using: &random))
            }
            let cut = part.dropFirst(Int.random(in: 0...2, using: &random))
            return cut.prefix(Int.random(in: 0...8, using: &random))
        }
        var joined = empty
        joined.append(contentsOf: parts)
        func contents(_ batch: EnvelopeBatch) -> [String] {
            batch.entries.map { entry in
                let body = String(decoding: batch.body(of: entry), as: UTF8.self)
                let origin = batch.origin(of: entry)?.path ?? "none"
                return
                    "\(entry.sequence) \(entry.collectionTime) \(entry.publishTime) \(entry.isShed) \(body) \(origin)"
            }
        }
        #expect(contents(joined) == parts.flatMap(contents))
        #expect(joined.hasShed == parts.contains { $0.entries.contains(where: \.isShed) })
    }
}
