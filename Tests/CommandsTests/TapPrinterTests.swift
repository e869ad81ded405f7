import Diagnosis
import Synchronization
import SystemPackage
import SystemSupport
import Testing

@testable import Commands

@Suite struct TapPrinterTests {
    private let output = Output()

    private func printer(
        _ format: TapPrinter.Format, nodeRank: Int? = nil, count: Int? = nil
    ) -> TapPrinter {
        TapPrinter(
            format: format, start: .now, nodeRank: nodeRank, count: count,
            write: { [output] (text) throws(SystemCallError) in try output.write(text) },
            say: { [output] in output.say($0) })
    }

    private static let lane = Lane(publisher: PublisherID(high: 1, low: 2), dataType: .trainingLog)

    private func batch(_ contents: [String], rank: Int = 0) -> EnvelopeBatch {
        batch(
            bodies: contents.map { content in
                var body: [UInt8] = []
                MetricJSON.encode(
                    WorkerTrainingMetric(dataType: .trainingLog, dataContent: content, node: NodeIdentity()),
                    into: &body)
                return String(decoding: body, as: UTF8.self)
            }, rank: rank)
    }

    private func batch(bodies: [String], rank: Int = 0) -> EnvelopeBatch {
        var batch = EnvelopeBatch(lane: Self.lane, epoch: 1, nodeType: "worker", nodeRank: rank)
        for (index, body) in bodies.enumerated() {
            batch.append(
                sequence: UInt64(index + 1), collectionTime: 1_795_456_800, publishTime: 0, body: Array(body.utf8).span)
        }
        return batch
    }

    // MARK: readable lines

    @Test func aMetricIsOneLineInColumns() {
        #expect(printer(.readable).receive([.batch(batch(["step 1"]))]))
        #expect(output.lines == ["2026-11-23T18:00:00Z  TRAINING_LOG      worker/0   6 B        step 1"])
    }

    @Test(arguments: [
        ("first\nsecond", "first …"), (String(repeating: "x", count: 101), String(repeating: "x", count: 100) + " …"),
        ("bell\u{7} and \u{1B}[2J", "bell\\x07 and \\x1b[2J"), ("tab\there", "tab\\there"), ("", ""),
    ])
    func ofAContentTheFirstLineIsShownWithoutControls(content: String, shown: String) {
        _ = printer(.readable).receive([.batch(batch([content]))])
        let size = "\(content.utf8.count) B"
        let padding = String(repeating: " ", count: 9 - size.count)
        #expect(
            output.lines == ["2026-11-23T18:00:00Z  TRAINING_LOG      worker/0   \(size)\(padding)  \(shown)"])
    }

    @Test func whatIsNoMetricSaysSo() {
        _ = printer(.readable).receive([.batch(batch(bodies: ["nonsense"]))])
        #expect(output.lines.first?.hasSuffix("(not a metric's JSON)") == true)
    }

    // MARK: JSON

    @Test func jsonIsPrintedAsItCameOnOneLine() {
        let bodies = [#"{"data_type": "TRAINING_LOG",   "data_content": "a"}"#, "nonsense"]
        _ = printer(.json).receive([.batch(batch(bodies: bodies))])
        #expect(output.lines == bodies)
    }

    @Test func jsonWithNewlinesBetweenItsPartsBecomesOneLine() throws {
        let body = "{\n  \"timestamp\": 1, \"data_type\": \"TRAINING_LOG\",\n  \"data_content\": \"a\",\n"
        let node = "\"node_id\": 0, \"node_type\": \"worker\", \"node_rank\": 0}"
        _ = printer(.json).receive([.batch(batch(bodies: [body + node]))])
        #expect(output.lines.count == 1)
        #expect(output.lines.first?.contains(#""data_content": "a""#) == true)
    }

    // MARK: what is shown, and how long

    @Test func onlyTheNodeThatWasAskedForIsShown() {
        #expect(printer(.readable, nodeRank: 1).receive([.batch(batch(["a"])), .batch(batch(["b"], rank: 1))]))
        #expect(output.lines.count == 1)
        #expect(output.lines.first?.contains("worker/1") == true)
    }

    @Test func afterTheCountNoMoreIsWanted() {
        let printer = printer(.readable, count: 3)
        #expect(printer.receive([.batch(batch(["a", "b"]))]))
        #expect(!printer.receive([.batch(batch(["c", "d"]))]))
        #expect(output.lines.count == 3)
    }

    @Test func whatIsGoneIsSaidToPeople() {
        let gap = StreamGap(
            lane: Self.lane, after: LanePosition(epoch: 1, sequence: 0), through: LanePosition(epoch: 1, sequence: 7),
            count: 7, reason: .evicted)
        #expect(printer(.json).receive([.gap(gap)]))
        #expect(output.lines.isEmpty)
        #expect(output.said == ["-- 7 TRAINING_LOG are gone: evicted"])
    }

    @Test func withoutAReaderNoMoreIsWanted() {
        output.isRead = false
        #expect(!printer(.json).receive([.batch(batch(["a"]))]))
    }

    @Test func afterAnOutputThatFailsNoMoreIsWantedAndTheTapHasFailed() throws {
        let printer = printer(.json)
        try printer.checkPrinted()
        output.failure = SystemCallError("write", path: "standard output", code: .noSpace)
        #expect(!printer.receive([.batch(batch(["a"]))]))
        #expect(throws: SystemCallError("write", path: "standard output", code: .noSpace)) {
            try printer.checkPrinted()
        }
    }

    @Test func itHasRoomForEverythingAndBeginsWhereItIsTold() {
        #expect(printer(.json).room(in: Self.lane) == .max)
        #expect(printer(.json).start(of: Self.lane) == .now)
    }

    /// What would be standard output and standard error.
    private final class Output: Sendable {
        private struct State {
            var text: [UInt8] = []
            var said: [String] = []
            var isRead = true
            var failure: SystemCallError?
        }

        private let state = Mutex(State())

        var lines: [String] {
            String(decoding: state.withLock { $0.text }, as: UTF8.self).split(separator: "\n").map(String.init)
        }
        var said: [String] { state.withLock { $0.said } }
        var isRead: Bool {
            get { state.withLock { $0.isRead } }
            set { state.withLock { $0.isRead = newValue } }
        }
        var failure: SystemCallError? {
            get { state.withLock { $0.failure } }
            set { state.withLock { $0.failure = newValue } }
        }

        func write(_ text: [UInt8]) throws(SystemCallError) -> Bool {
            try state.withLock { state throws(SystemCallError) in
                if let failure = state.failure { throw failure }
                state.text += text
                return state.isRead
            }
        }

        func say(_ line: String) { state.withLock { $0.said.append(line) } }
    }
}
