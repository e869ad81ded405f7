import Diagnosis
import Foundation
import TestSupport
import Testing

@testable import Collectors

@Suite(.timeLimit(.minutes(2))) struct LogSetTests {
    private let folder = ScratchFolder()
    private let client = RecordingClient()
    private let log = LogCapture()

    private func collector(
        _ files: [String], exclude: [String] = [], torchrun: [String] = [], maxFiles: Int = 100, maxOpen: Int = 100
    ) async -> LogSetCollector {
        let collector = LogSetCollector(
            selection: LogSelection(
                files: files.map(folder.file), exclude: exclude, torchrun: torchrun.map(folder.file)),
            node: NodeIdentity(id: 1), maxFiles: maxFiles, maxOpenFiles: maxOpen, logger: log.logger)
        await collector.setClient(client)
        return collector
    }

    private func lines() -> [String] {
        client.contents.flatMap { $0.split(separator: "\n").map(String.init) }
    }

    private func sorted() -> [String] { lines().sorted() }

    /// What inotify tells comes at once or a little later.
    private func drain(_ collector: LogSetCollector, until lines: [String]) async throws {
        try await eventually {
            if await collector.isEnabled() { _ = await collector.collectRounds(1000) }
            return sorted() == lines.sorted()
        }
    }

    @Test func aPatternFindsFilesNowAndLater() async throws {
        try folder.write("a1\n", to: "a.log")
        try folder.write("no\n", to: "a.txt")
        try folder.write("no\n", to: ".hidden.log")
        let collector = await collector(["**/*.log"])
        try await drain(collector, until: ["a1"])
        try folder.write("b1\n", to: "b.log")
        try folder.makeFolder("c/d")
        try folder.write("d1\n", to: "c/d/d.log")
        try folder.append("a2\n", to: "a.log")
        try await drain(collector, until: ["a1", "a2", "b1", "d1"])
    }

    @Test func aPatternWithoutFilesIsToldOnce() async throws {
        let collector = await collector(["later/*.log"])
        for _ in 0..<3 { _ = await collector.isEnabled() }
        #expect(log.count("no file matches \(folder.file("later/*.log")) yet; waiting") == 1)
        try folder.makeFolder("later")
        try folder.write("one\n", to: "later/x.log")
        try await drain(collector, until: ["one"])
    }

    @Test func whatExistsAsItIsWrittenIsNoPattern() async throws {
        try folder.write("literal\n", to: "a[1].log")
        try folder.write("other\n", to: "a1.log")
        let collector = await collector(["a[1].log"], exclude: ["a1.log"])
        try await drain(collector, until: ["literal"])
    }

    @Test func excludedFilesAreNotFound() async throws {
        try folder.write("a\n", to: "a.log")
        try folder.write("no\n", to: "debug.log")
        try await drain(await collector(["*.log"], exclude: ["debug*"]), until: ["a"])
    }

    @Test func oneFileUnderSeveralNamesIsReadOnce() async throws {
        try folder.write("one\n", to: "a.log")
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("b.log"), withDestinationPath: folder.file("a.log"))
        try FileManager.default.linkItem(atPath: folder.file("a.log"), toPath: folder.file("c.log"))
        let collector = await collector(["a.log", "./a.log", "*.log"])
        try await drain(collector, until: ["one"])
        try folder.append("two\n", to: "c.log")
        await collector.prepareForLastRound()
        try await drain(collector, until: ["one", "two"])
        #expect(log.count("Two paths name the same log file; it is read once.") == 3)
        #expect(log.count("also=\(folder.file("./a.log")) path=\(folder.file("a.log"))") == 1)
    }

    @Test func aRotatedFileThatThePatternFindsIsNotReadAgain() async throws {
        try folder.write("1\n", to: "x.log")
        try folder.write("old\n", to: "x.log.2.gz")
        let collector = await collector(["x.log*"])
        try await drain(collector, until: ["1"])
        try folder.append("2\n", to: "x.log")
        folder.rename("x.log", to: "x.log.1")
        try folder.write("3\n", to: "x.log")
        try await drain(collector, until: ["1", "2", "3"])
        // Nor under a name that doesn't look like it, nor by the next collector.
        await collector.prepareForLastRound()
        try await drain(collector, until: ["1", "2", "3"])
        let next = await self.collector(["x.log*"])
        await next.prepareForLastRound()
        _ = await next.collectRounds(100)
        #expect(sorted() == ["1", "2", "3"])
    }

    @Test func positionsAreThoseOfASingleLog() async throws {
        try folder.write("1\n2\n", to: "x.log")
        let single = LogCollector(path: folder.file("x.log"), node: NodeIdentity(id: 1), logger: log.logger)
        await single.setClient(client)
        await single.drain()
        try folder.append("3\n", to: "x.log")
        try await drain(await collector(["x.log"]), until: ["1", "2", "3"])
    }

    @Test func torchrunsFilesAreFoundAsTheyAppear() async throws {
        let collector = await collector([], torchrun: ["t/"])
        _ = await collector.isEnabled()
        for (attempt, rank) in [(0, 0), (0, 1), (1, 0)] {
            try folder.makeFolder("t/job_ab12cd34/attempt_\(attempt)/\(rank)")
            try folder.write("\(attempt).\(rank)\n", to: "t/job_ab12cd34/attempt_\(attempt)/\(rank)/stdout.log")
        }
        try folder.write("{}\n", to: "t/job_ab12cd34/attempt_0/0/error.json")
        try await drain(collector, until: ["0.0", "0.1", "1.0"])
    }

    @Test func fewFilesAreOpenAtATimeAndNoneIsForgotten() async throws {
        for index in 0..<20 { try folder.write("\(index) a\n", to: "\(index).log") }
        let collector = await collector(["*.log"], maxOpen: 3)
        let first = (0..<20).map { "\($0) a" }
        try await drain(collector, until: first)
        #expect(await collector.counts.open <= 3)
        for index in 0..<20 { try folder.append("\(index) b\n", to: "\(index).log") }
        try await drain(collector, until: first + (0..<20).map { "\($0) b" })
        #expect(await collector.counts.files == 20)
        #expect(await collector.counts.open <= 3)
    }

    @Test func aBacklogHoldsUpNoOtherFile() async throws {
        try folder.write(String(repeating: String(repeating: "x", count: 99) + "\n", count: 30_000), to: "big.log")
        try folder.write("small\n", to: "small.log")
        let collector = await collector(["*.log"])
        #expect(await collector.isEnabled())
        #expect(await collector.collectRounds(2) == 2)
        #expect(client.contents.contains("small"))
    }

    @Test func moreFilesThanAllowedAreNotFollowed() async throws {
        for index in 0..<5 { try folder.write("\(index)\n", to: "\(index).log") }
        let collector = await collector(["*.log"], maxFiles: 3)
        try await drain(collector, until: ["0", "1", "2"])
        #expect(log.count("logs.max-files") == 1)
    }

    @Test func linesThatAreNotReportedComeAgain() async throws {
        try folder.write("a\n", to: "a.log")
        try folder.write("b\n", to: "b.log")
        let collector = await collector(["*.log"])
        client.fail("down")
        #expect(await collector.isEnabled())
        #expect(await collector.collectRounds(10) == 0)
        client.fail(nil)
        try await drain(collector, until: ["a", "b"])
    }

    @Test func linksThatGoRoundEndNoSearch() async throws {
        try folder.makeFolder("d")
        try FileManager.default.createSymbolicLink(atPath: folder.file("d/loop"), withDestinationPath: folder.path)
        try folder.write("1\n", to: "d/a.log")
        try await drain(await collector(["**/*.log"]), until: ["1"])
    }

    @Test func aLineWithoutItsEndGoesOutThoughNothingTellsOfIt() async throws {
        try folder.write("whole\nbegins", to: "a.log")
        try folder.write("parked", to: "b.log")
        let collector = await collector(["a.log", "b.log"], maxOpen: 1)
        try await drain(collector, until: ["whole", "begins", "parked"])
        try folder.append(" and ends\n", to: "a.log")
        try await drain(collector, until: ["whole", "begins", "parked", "[arobust: line continued]  and ends"])
        try folder.append("last", to: "b.log")
        await collector.prepareForLastRound()
        _ = await collector.collectRounds(10)
        #expect(lines().last == "[arobust: line continued] last")
    }

    /// What the schedule relies on to leave the logs alone.
    @Test func nothingIsDueWhileAllIsReadAndInotifyTellsTheRest() async throws {
        try folder.write("a1\n", to: "a.log")
        let collector = await collector(["*.log"])
        // Nobody would tell.
        #expect(await collector.quietTime() == .zero)
        let watching = Task { await collector.watch() }
        defer { watching.cancel() }
        try await drain(collector, until: ["a1"])
        try await eventually { await collector.quietTime() > .seconds(5) }
        try folder.append("a2 begins", to: "a.log")
        // The rest of a line is waited for only so long.
        try await eventually {
            if await collector.isEnabled() { _ = await collector.collectRounds(1000) }
            return await collector.quietTime() <= FollowedFile.longestPause
        }
        try await drain(collector, until: ["a1", "a2 begins"])
    }

    @Test func aRenamedFileIsReadOnUntilTheNextOneBegins() async throws {
        try folder.write("1\n", to: "a.log")
        let collector = await collector(["a.log"])
        try await drain(collector, until: ["1"])
        folder.rename("a.log", to: "a.log.1")
        try folder.append("2\n", to: "a.log.1")
        try await drain(collector, until: ["1", "2"])
        try folder.append("3\n", to: "a.log.1")
        try await drain(collector, until: ["1", "2", "3"])
        try folder.write("4\n", to: "a.log")
        try await drain(collector, until: ["1", "2", "3", "4"])
    }
}
