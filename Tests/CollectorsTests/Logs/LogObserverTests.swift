import Collectors
import Diagnosis
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct LogObserverTests {
    let fixture: LogFixture
    let observer = RecordingObserver()

    init() throws {
        fixture = LogFixture()
    }

    private func collector(_ configuration: LogCollector.Configuration = .init()) async -> LogCollector {
        let collector = LogCollector(
            path: fixture.path, node: fixture.node, configuration: configuration, logger: fixture.log.logger,
            observer: observer)
        await collector.setClient(fixture.client)
        return collector
    }

    @Test func seesWhatWasReportedWithThePath() async throws {
        try fixture.append("one\ntwo\n")
        await collector().drain()
        #expect(observer.seen == ["one\ntwo"])
        #expect(observer.paths == [fixture.path])
    }

    @Test func seesNothingBeforeItIsReportedAndThenOnce() async throws {
        try fixture.append("one\n")
        let collector = await collector()
        fixture.client.fail("down")
        await collector.drain()
        await collector.drain()
        #expect(observer.seen == [])
        fixture.client.fail(nil)
        await collector.drain()
        await collector.drain()
        #expect(observer.seen == ["one"])
    }

    @Test func seesAChunkThatIsStoredTwiceOnce() async throws {
        try fixture.append("one\n")
        let collector = await collector()
        let chunk = try #require(await collector.collectData())
        await collector.storeData(chunk)
        await collector.storeData(chunk)
        #expect(fixture.lines == ["one", "one"])
        #expect(observer.seen == ["one"])
    }

    @Test func seesNoTextThatIsNoPartOfTheLog() async throws {
        await collector().storeData("own text")
        #expect(fixture.lines == ["own text"])
        #expect(observer.seen == [])
    }

    @Test func seesALastLineWhenItIsFinished() async throws {
        try fixture.append("one\nCUDA out of")
        let collector = await collector()
        await collector.drain()
        #expect(observer.seen == ["one"])
        try fixture.append(" memory\n")
        await collector.drain()
        #expect(observer.seen == ["one", "CUDA out of memory"])
    }

    @Test func seesThePiecesOfALongLineAsTheyAreReported() async throws {
        try fixture.append("0123456789abcdef012\nend\n")
        await collector(.init(chunkBytes: 8, maxLineBytes: 8)).drain()
        #expect(observer.seen == fixture.client.contents)
        #expect(observer.seen.first == "01234567 [arobust: line continues]")
    }

    @Test func seesInvalidBytesReplaced() async throws {
        try fixture.folder.append([0x61, 0xFF, 0x62, 0x0A], to: fixture.name)
        await collector().drain()
        #expect(observer.seen == ["a\u{FFFD}b"])
    }

    @Test func seesEachLineOnceOverRotationAndTruncation() async throws {
        try fixture.append("one\n")
        let collector = await collector()
        await collector.drain()
        try fixture.append("two\nlast words")
        fixture.folder.rename(fixture.name, to: "train.log.1")
        try fixture.append("three\n")
        await collector.drain()
        fixture.folder.truncate(fixture.name)
        await collector.drain()
        try fixture.append("x\n")
        await collector.drain()
        #expect(observer.seen == ["one", "two", "last words", "three", "x"])
    }

    @Test func seesNothingAgainAfterARestart() async throws {
        try fixture.append("one\n")
        await collector().drain()
        try fixture.append("two\n")
        await collector().drain()
        #expect(observer.seen == ["one", "two"])
    }
}
