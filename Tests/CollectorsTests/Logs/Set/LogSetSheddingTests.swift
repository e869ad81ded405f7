import Diagnosis
import Foundation
import TestSupport
import Testing

@testable import Collectors

/// A rate limit and a black box in the collector of all logs.
@Suite(.timeLimit(.minutes(2))) struct LogSetSheddingTests {
    private let folder = ScratchFolder()
    private let client = RecordingClient()
    private let metrics = MetricsCapture()

    private func collector(rate: Int?, blackBox: Int = 0) async -> LogSetCollector {
        var shedding = LogSetCollector.Shedding()
        shedding.limits = rate.map { LineShedder.Limits(bytesPerSecond: $0, burst: 8192) }
        shedding.blackBoxBytes = blackBox
        let collector = LogSetCollector(
            selection: LogSelection(files: [folder.file("x.log")], exclude: [], torchrun: []),
            node: NodeIdentity(id: 1), configuration: .patient, shedding: shedding, factory: metrics.registry,
            observer: CauseObserver())
        await collector.setClient(client)
        return collector
    }

    private func drain(_ collector: LogSetCollector) async {
        while await collector.isEnabled(), await collector.collectRounds(100) > 0 {}
    }

    @Test func whatIsLeftOutIsTold() async throws {
        let lines = (0..<3000).map { "2026-11-29 10:00:00 INFO step \($0) loss 0.1" }
        var text = lines
        text[1500] = "CAUSE: the disk is on fire"
        try folder.write(text.joined(separator: "\n") + "\n", to: "x.log")
        let collector = await collector(rate: 1024)
        await drain(collector)
        let kept = client.metrics.filter { $0.origin?.isShed == false }
        let shed = client.metrics.filter { $0.origin?.isShed == true }
        let content = kept.map(\.dataContent).joined(separator: "\n")
        #expect(content.contains("step 0 loss") && content.contains("CAUSE: the disk is on fire"))
        #expect(content.utf8.count < 40_000)
        #expect(content.contains("[arobust: "))
        // What is kept and what is left out are together what was there.
        let keptLines = content.split(separator: "\n").filter { !$0.hasPrefix("[arobust: ") }
        let shedLines = shed.reduce(0) { $0 + ($1.origin?.lines ?? 0) }
        #expect(shedLines > 1000 && keptLines.count + shedLines == 3000)
        #expect(metrics.lines("arobust_log_shed_lines_total ") == ["arobust_log_shed_lines_total \(shedLines)"])
        // The ranges are those of the file.
        let file = try Data(contentsOf: URL(filePath: folder.file("x.log")))
        let first = try #require(shed.first)
        let range = try #require(first.dataContent.split(separator: ", ").first { $0.contains("bytes ") })
        let numbers = range.split(separator: " ").last?.split(separator: "-").compactMap { Int($0) } ?? []
        try #require(numbers.count == 2)
        let left = String(decoding: file[numbers[0]..<numbers[1]], as: UTF8.self)
        #expect(left.hasPrefix("2026") && left.hasSuffix("\n"))
        #expect(left.split(separator: "\n").allSatisfy { !keptLines.contains($0) })
    }

    @Test func nothingIsLeftOutBelowTheRate() async throws {
        try folder.write(String(repeating: "x\n", count: 100), to: "x.log")
        await drain(await collector(rate: 1024))
        #expect(client.contents == [String(repeating: "x\n", count: 100).dropLast().description])
    }

    @Test func theOriginTellsTheFirstAndTheLastTime() async throws {
        try folder.write("no time\nbegins 100\n" + String(repeating: "x\n", count: 30) + "x 200.5\nx\n", to: "x.log")
        await drain(await collector(rate: nil))
        #expect(client.metrics.first?.origin?.firstTime == 100)
        #expect(client.metrics.first?.origin?.lastTime == 200.5)
    }

    @Test func theBlackBoxGoesOutFirstAndOnce() async throws {
        let collector = await collector(rate: 1024, blackBox: 4096)
        let before = (0..<200).map { "step \($0)" }.joined(separator: "\n")
        try folder.write(before + "\nCAUSE: bad\nafter\n", to: "x.log")
        client.fail("no room")
        #expect(await collector.isEnabled())
        #expect(await collector.collectRounds(1) == 0)
        client.fail(nil)
        await drain(collector)
        let first = try #require(client.metrics.first)
        #expect(first.dataType == .generic)
        #expect(first.dataContent.hasPrefix("arobust alarm: black box of \(folder.file("x.log")), rule cause: "))
        #expect(first.dataContent.hasSuffix(before + "\nCAUSE: bad"))
        #expect(client.metrics.filter { $0.dataType == .generic }.count == 1)
        #expect(client.metrics.dropFirst().first?.dataType == .trainingLog)
    }
}

/// Takes lines that begin with CAUSE for root causes.
private struct CauseObserver: LogObserver {
    func judge(_ lines: UnsafeRawBufferPointer) -> [JudgedLine] {
        var found: [JudgedLine] = []
        var start = 0
        for line in lines.split(separator: 0x0A, omittingEmptySubsequences: false) {
            if line.starts(with: "CAUSE".utf8) {
                found.append(JudgedLine(line: start..<start + line.count, rule: "cause", weight: .rootCause))
            }
            start += line.count + 1
        }
        return found
    }

    /// The number at a line's end.
    func time(of line: UnsafeRawBufferPointer) -> Double? {
        line.split(separator: 0x20).last.flatMap { Double(String(decoding: $0, as: UTF8.self)) }
    }

    func observe(_ lines: String, judged: [JudgedLine], of path: String) {}
}
