import Collectors
import Diagnosis
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct LogCollectorTests {
    let fixture = LogFixture()

    @Test func reportsWholeLinesOfTheNode() async throws {
        try fixture.append("one\ntwo\n")
        let collector = await fixture.collector()
        let chunk = try #require(await collector.collectData())
        #expect(chunk.content == "one\ntwo")
        #expect(chunk.lineCount == 2)
        #expect(chunk.byteCount == 8)
        #expect(chunk.position?.key == "log:\(fixture.path)")
        #expect(await collector.storeData(chunk))
        let metric = try #require(fixture.client.metrics.first)
        #expect(metric.dataType == .trainingLog)
        #expect(metric.node == fixture.node)
        #expect(await collector.collectData() == nil)
        #expect(fixture.log.lines.contains { $0.hasPrefix("debug Reported log content: 7 characters") })
    }

    @Test func leavesAnUnfinishedLastLineInTheFile() async throws {
        try fixture.append("one\ntw")
        let collector = await fixture.collector()
        await collector.drain()
        #expect(fixture.client.contents == ["one"])
        try fixture.append("o\nthr")
        await collector.drain()
        #expect(fixture.client.contents == ["one", "two"])
        try fixture.append("ee\n")
        let next = await fixture.collector()
        await next.drain()
        #expect(fixture.client.contents == ["one", "two", "three"])
    }

    @Test func givesTheSameLinesAgainUntilTheyAreReported() async throws {
        try fixture.append("one\n")
        let collector = await fixture.collector()
        fixture.client.fail("Connection refused")
        let first = try #require(await collector.collectData())
        #expect(await !collector.storeData(first))
        try fixture.append("two\n")
        let second = try #require(await collector.collectData())
        #expect(second.content == "one\ntwo")
        #expect(await !collector.storeData(second))
        fixture.client.fail(nil)
        await collector.drain()
        #expect(fixture.client.contents == ["one\ntwo"])
        // A failure that lasts is said once, and when it is over.
        #expect(fixture.log.count("error Failed to report log data to master: Connection refused") == 1)
        #expect(fixture.log.count("notice Reporting log data works again") == 1)
    }

    @Test func warnsWithoutAClientAndKeepsTheLines() async throws {
        try fixture.append("one\n")
        let collector = LogCollector(path: fixture.path, node: fixture.node, logger: fixture.log.logger)
        let chunk = try #require(await collector.collectData())
        #expect(await !collector.storeData(chunk))
        #expect(fixture.log.count("warning Master client not set, log data not reported") == 1)
        await collector.setClient(fixture.client)
        await collector.drain()
        #expect(fixture.lines == ["one"])
    }

    @Test func reportsATextOfTheUsersOwnWithoutMovingThePosition() async throws {
        try fixture.append("one\n")
        let collector = await fixture.collector()
        #expect(await collector.storeData("mine"))
        #expect(await fixture.client.lastPosition(of: "log:\(fixture.path)") == nil)
        await collector.drain()
        #expect(fixture.client.contents == ["mine", "one"])
    }

    @Test func ignoresAChunkThatWasAlreadyReported() async throws {
        try fixture.append("one\ntwo\nthree\n")
        let collector = await fixture.collector(.init(chunkBytes: 4))
        let chunk = try #require(await collector.collectData())
        #expect(await collector.storeData(chunk))
        #expect(await collector.storeData(chunk))
        await collector.drain()
        #expect(fixture.lines == ["one", "one", "two", "three"])
    }

    @Test(arguments: [
        ("a\r\nb\r\n", ["a\r", "b\r"]),
        ("10%\r20%\r100%\n", ["100%"]),
        ("a\0b\n", ["a\0b"]),
        ("\n", [""]),
        ("\n\n\n", ["", "", ""]),
        ("\n\na\n\n", ["", "", "a", ""]),
        ("Ünïcödé 训练日志 🚀\n", ["Ünïcödé 训练日志 🚀"]),
    ])
    func keepsEveryLineAsItIs(text: String, lines: [String]) async throws {
        for chunkBytes in [1, 2, 3, 65536] {
            let fixture = LogFixture()
            try fixture.append(text)
            await fixture.collector(.init(chunkBytes: chunkBytes)).drain()
            #expect(fixture.lines == lines, "with chunks of \(chunkBytes)")
        }
    }

    @Test func reportsASingleEmptyLineAsAnEmptyText() async throws {
        try fixture.append("\n")
        let collector = await fixture.collector()
        let chunk = try #require(await collector.collectData())
        #expect(chunk.content == "")
        #expect(chunk.lineCount == 1)
        #expect(chunk.byteCount == 1)
    }

    @Test func repairsWhatIsNoUTF8() async throws {
        try fixture.folder.append([0x61, 0xFF, 0xC3, 0x0A, 0x62, 0x0A], to: fixture.name)
        await fixture.collector().drain()
        #expect(fixture.lines == ["a\u{FFFD}\u{FFFD}", "b"])
    }

    @Test func keepsCharactersAcrossBlockBorders() async throws {
        let line = String(repeating: "é训🚀", count: 3000)
        try fixture.append("\(line)\n\(line)\nend\n")
        await fixture.collector(.init(chunkBytes: 100, readBytes: 4096)).drain()
        #expect(fixture.lines == [line, line, "end"])
    }

    @Test func keepsTheChunkLimitExceptForASingleLongerLine() async throws {
        try fixture.append("aa\nbb\ncc\nlonger than five\ndd\n")
        await fixture.collector(.init(chunkBytes: 5)).drain()
        #expect(fixture.client.contents == ["aa\nbb", "cc", "longer than five", "dd"])
    }

    @Test func startsAtTheEndIfAskedAndNothingIsStored() async throws {
        try fixture.append("old\nunfin")
        let collector = await fixture.collector(.init(startFrom: .end))
        await collector.drain()
        #expect(fixture.lines == [])
        try fixture.append("ished\nnew\n")
        await collector.drain()
        #expect(fixture.lines == ["unfinished", "new"])
        try fixture.append("while away\n")
        await fixture.collector(.init(startFrom: .end)).drain()
        #expect(fixture.lines == ["unfinished", "new", "while away"])
    }

    @Test func readsAFileThatAppearsLaterFromItsStart() async throws {
        let collector = await fixture.collector(.init(startFrom: .end))
        for _ in 0..<100 {
            #expect(await !collector.isEnabled())
            #expect(await collector.collectData() == nil)
        }
        #expect(fixture.log.count("There is no log file yet") == 1)
        try fixture.append("first\n")
        #expect(await collector.isEnabled())
        await collector.drain()
        #expect(fixture.lines == ["first"])
    }

    @Test func warnsOnceOfADirectory() async throws {
        let collector = LogCollector(path: fixture.folder.path, node: fixture.node, logger: fixture.log.logger)
        #expect(await collector.isEnabled())
        for _ in 0..<5 { #expect(await collector.collectData() == nil) }
        #expect(fixture.log.count("\(fixture.folder.path): it is a directory") == 1)
    }
}
