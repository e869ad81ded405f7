import Diagnosis
import TestSupport
import Testing

@testable import JetStream

@Suite struct LaneAssemblyTests {
    private static let lane = Lane(publisher: PublisherID(high: 1, low: 2), dataType: .trainingLog)

    private static func message(
        _ sequence: UInt64, epoch: UInt64 = 1, part: Int = 1, of parts: Int = 1, content: String = "x"
    ) -> StreamMessage {
        let metric = WorkerTrainingMetric(
            dataType: .trainingLog, dataContent: content, node: NodeIdentity(id: 0, type: "worker", rank: 0),
            timestamp: 5)
        return StreamMessage(
            acknowledgement: "ack.\(epoch).\(sequence).\(part)", streamSequence: sequence, lane: lane,
            position: LanePosition(epoch: epoch, sequence: sequence), nodeType: "worker", nodeRank: 0,
            collectionTime: 5,
            publishTime: 6, part: part, parts: parts, origin: [], body: MetricJSON.encode(metric))
    }

    /// The items as short texts: `start 1/0`, `1/1 1/2`, `upstream 3`.
    private static func texts(_ items: [StreamItem]) -> [String] {
        items.map { item in
            switch item {
            case .start(_, let after): "start \(after)"
            case .gap(let gap): "\(gap.reason.rawValue) \(gap.count)"
            case .batch(let batch): batch.entries.map { "\(batch.epoch)/\($0.sequence)" }.joined(separator: " ")
            }
        }
    }

    @Test func `a lane begins with its first message and goes on`() {
        var assembly = LaneAssembly()
        let first = assembly.add([Self.message(4), Self.message(5)]) { _ in .oldest }
        #expect(Self.texts(first.items) == ["start 1/3", "1/4 1/5"])
        let next = assembly.add([Self.message(6)]) { _ in .oldest }
        #expect(Self.texts(next.items) == ["1/6"])
        #expect(next.pending.map(\.acknowledgement) == ["ack.1.6.1"])
    }

    @Test func `what the receiver has is only acknowledged`() {
        var assembly = LaneAssembly()
        let result = assembly.add([Self.message(4), Self.message(5)]) { _ in .after(LanePosition(epoch: 1, sequence: 4))
        }
        #expect(Self.texts(result.items) == ["1/5"])
        #expect(result.pending.map(\.acknowledgement) == ["ack.1.4.1", "ack.1.5.1"])
        // Once more, as a stream sends what was not acknowledged in time.
        let again = assembly.add([Self.message(5)]) { _ in nil }
        #expect(again.items.isEmpty && again.pending.count == 1)
    }

    @Test func `a hole is another reader's before this one has seen the lane, and the stream's afterwards`() {
        func hole(_ after: UInt64, _ through: UInt64, _ epoch: UInt64 = 1, in other: UInt64? = nil) -> LaneAssembly.Hole
        {
            LaneAssembly.Hole(
                lane: Self.lane, after: LanePosition(epoch: epoch, sequence: after),
                through: LanePosition(epoch: other ?? epoch, sequence: through))
        }
        var once = LaneAssembly()
        let seen = once.add([Self.message(5), Self.message(9), Self.message(10)]) { _ in
            .after(LanePosition(epoch: 1, sequence: 4))
        }
        #expect(Self.texts(seen.items) == ["1/5"] && seen.hole == hole(5, 8), "what follows is left to come again")
        #expect(seen.pending.map(\.acknowledgement) == ["ack.1.5.1"])
        var assembly = LaneAssembly(believing: [hole(4, 8), hole(9, 11), hole(12, 1, 1, in: 2)])
        let first = assembly.add([Self.message(9)]) { _ in .after(LanePosition(epoch: 1, sequence: 4)) }
        #expect(Self.texts(first.items) == ["elsewhere 4", "1/9"])
        let next = assembly.add([Self.message(12), Self.message(2, epoch: 2)]) { _ in nil }
        #expect(Self.texts(next.items) == ["upstream 2", "1/12", "upstream 1", "2/2"])
    }

    @Test func `parts become one envelope, and those without the others are of no use`() throws {
        var assembly = LaneAssembly(believing: [
            LaneAssembly.Hole(
                lane: Self.lane, after: LanePosition(epoch: 1, sequence: 1),
                through: LanePosition(epoch: 1, sequence: 2))
        ])
        let begun = assembly.add([Self.message(1, part: 1, of: 2, content: "a\nb")]) { _ in .oldest }
        #expect(begun.items.isEmpty && begun.pending.isEmpty && begun.useless.isEmpty)
        let whole = assembly.add([Self.message(1, part: 2, of: 2, content: "c")]) { _ in .oldest }
        guard case .batch(let batch)? = whole.items.last else {
            Issue.record("no batch")
            return
        }
        #expect(try MetricBody(checking: batch.body(of: batch.entries[0])).content == "a\nb\nc")
        #expect(whole.pending.map(\.acknowledgement) == ["ack.1.1.1", "ack.1.1.2"])
        let lost = assembly.add([Self.message(2, part: 2, of: 2)]) { _ in nil }
        #expect(lost.items.isEmpty && lost.useless == ["ack.1.2.2"])
        let left = assembly.add([Self.message(2, part: 1, of: 3), Self.message(3)]) { _ in nil }
        #expect(Self.texts(left.items) == ["upstream 1", "1/3"] && left.useless == ["ack.1.2.1"])
    }
}

@Suite struct AcknowledgementBookTests {
    private static let lane = Lane(publisher: PublisherID(high: 1, low: 2), dataType: .trainingLog)

    private static func pending(_ sequences: UInt64...) -> [(
        lane: Lane, position: LanePosition, acknowledgement: String
    )] {
        sequences.map { (lane, LanePosition(epoch: 1, sequence: $0), "ack\($0)") }
    }

    @Test func `what is finished is acknowledged, once`() {
        var book = AcknowledgementBook()
        let now = ContinuousClock.now
        #expect(book.add(Self.pending(1, 2, 3), of: "a", now: now).isEmpty)
        #expect(book.finish(Self.lane, through: LanePosition(epoch: 1, sequence: 2)) == ["ack1", "ack2"])
        #expect(book.finish(Self.lane, through: LanePosition(epoch: 1, sequence: 2)).isEmpty)
        #expect(book.add(Self.pending(2, 4), of: "a", now: now) == ["ack2"])
        #expect(book.count == 2 && book.holds(of: "a"))
        #expect(book.finish(Self.lane, through: LanePosition(epoch: 2, sequence: 0)) == ["ack3", "ack4"])
        #expect(book.count == 0 && !book.holds(of: "a"))
    }

    @Test func `what takes long is told from time to time`() {
        var book = AcknowledgementBook()
        let now = ContinuousClock.now
        _ = book.add(Self.pending(1), of: "a", now: now)
        _ = book.add(Self.pending(2), of: "a", now: now + .seconds(3))
        #expect(book.held(since: .seconds(4), now: now + .seconds(4)) == ["ack1"])
        #expect(book.held(since: .seconds(4), now: now + .seconds(7)) == ["ack2"])
        #expect(book.held(since: .seconds(4), now: now + .seconds(8)) == ["ack1"])
    }

    @Test func `what a reader handed over is forgotten with it`() {
        var book = AcknowledgementBook()
        _ = book.add(Self.pending(1, 3), of: "a", now: .now)
        _ = book.add(Self.pending(2), of: "b", now: .now)
        book.forget("a")
        #expect(book.count == 1)
        #expect(book.finish(Self.lane, through: LanePosition(epoch: 1, sequence: 9)) == ["ack2"])
    }
}

@Suite struct StreamNodeTests {
    @Test func `a subject names a node`() throws {
        let node = try #require(StreamNode(subject: "jobs.j%20a.TRAINING_LOG.worker.3", of: "jobs"))
        #expect(node.name == "j%20a/worker-3" && node.filter(of: "jobs") == "jobs.j%20a.*.worker.3")
    }

    @Test(arguments: ["jobs.a.b.c", "jobs.a.b.c.d.e", "other.a.b.c.1", "jobs..b.c.1", ""])
    func `another subject does not`(_ subject: String) {
        #expect(StreamNode(subject: subject, of: "jobs") == nil)
    }

    @Test func `where a message is acknowledged`() {
        let place = AcknowledgementPlace("$JS.ACK.S.C.1.42.7.1700000000.0")
        #expect(place?.consumer == "C" && place?.streamSequence == 42)
        let newer = AcknowledgementPlace("$JS.ACK.hub.acc.S.C.1.43.7.1700000000.0.token")
        #expect(newer?.consumer == "C" && newer?.streamSequence == 43)
        #expect(AcknowledgementPlace("_INBOX.x") == nil)
    }
}
