import Collectors
import Diagnosis
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct LogCollectorProblemTests {
    let fixture = LogFixture()

    @Test func refusesAFIFOWithoutWaitingForItsWriter() async throws {
        #expect(mkfifo(fixture.path, 0o600) == 0)
        let collector = await fixture.collector()
        #expect(await collector.collectData() == nil)
        #expect(fixture.log.count("it is a named pipe, a socket or a device") == 1)
        unlink(fixture.path)
        try fixture.append("now a file\n")
        await collector.drain()
        #expect(fixture.lines == ["now a file"])
        #expect(fixture.log.count("The log can be read again") == 1)
    }

    @Test func saysWhyAPathCannotBeReadAndTriesAgain() async throws {
        // A file where a folder should be: root, too, is refused.
        try fixture.folder.append("", to: "folder")
        let path = fixture.folder.file("folder/train.log")
        let collector = LogCollector(path: path, node: fixture.node, logger: fixture.log.logger)
        await collector.setClient(fixture.client)
        #expect(await collector.isEnabled())
        for _ in 0..<5 { #expect(await collector.collectData() == nil) }
        #expect(fixture.log.count("cannot stat \(path): Not a directory") == 1)
        unlink(fixture.folder.file("folder"))
        mkdir(fixture.folder.file("folder"), 0o700)
        try fixture.folder.append("one\n", to: "folder/train.log")
        await collector.drain()
        #expect(fixture.lines == ["one"])
    }

    @Test(arguments: [[], [2, 0, 0], [1, 2, 3], [UInt8](repeating: 255, count: 53)])
    func startsAnewWithAWarningIfThePositionIsUnreadable(bytes: [UInt8]) async throws {
        try fixture.append("one\n")
        fixture.client.setPosition(SourcePosition(key: "log:\(fixture.path)", bytes: bytes))
        await fixture.collector().drain()
        #expect(fixture.lines == ["one"])
        #expect(fixture.log.count("warning The stored position of the log cannot be read") == 1)
    }

    @Test func asksANewClientAsLongAsNothingWasReported() async throws {
        try fixture.append("one\ntwo\n")
        await fixture.collector(.init(chunkBytes: 3)).drain()
        let fresh = LogCollector(path: fixture.path, node: fixture.node, logger: fixture.log.logger)
        #expect(await fresh.collectData()?.content == "one\ntwo")
        await fresh.setClient(fixture.client)
        #expect(await fresh.collectData() == nil)
    }

    @Test func followsARelativePathFromTheWorkingDirectory() async throws {
        let collector = LogCollector(path: "no-such-file", node: fixture.node, logger: fixture.log.logger)
        #expect(await !collector.isEnabled())
        let directory = try #require(getcwd(nil, 0))
        defer { free(directory) }
        #expect(fixture.log.count("path=\(String(cString: directory))/no-such-file") == 1)
    }
}
