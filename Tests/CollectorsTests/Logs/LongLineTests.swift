@testable import Collectors
import Diagnosis
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct LongLineTests {
    let fixture = LogFixture()

    @Test func sendsATooLongLineInMarkedPieces() async throws {
        try fixture.append("short\n0123456789abcdef012\nend\n")
        await fixture.collector(.init(chunkBytes: 8, maxLineBytes: 8)).drain()
        #expect(
            fixture.client.contents == [
                "short", "01234567 [arobust: line continues]", "89abcdef [arobust: line continues]", "012\nend",
            ])
        #expect(fixture.log.lines.filter { $0.contains("longer than allowed") }.count == 1)
        #expect(fixture.log.count("maxLineBytes=8 offset=6") == 1)
    }

    @Test func makesNoEmptyLastPiece() async throws {
        try fixture.append("0123456789abcdef\n01234567\n")
        await fixture.collector(.init(chunkBytes: 8, maxLineBytes: 8)).drain()
        #expect(fixture.lines == ["01234567 [arobust: line continues]", "89abcdef", "01234567"])
    }

    @Test func cutsBetweenCharacters() async throws {
        try fixture.append("训练日志训练日志\n")
        await fixture.collector(.init(chunkBytes: 8, maxLineBytes: 8)).drain()
        let mark = " [arobust: line continues]"
        #expect(fixture.lines == ["训练\(mark)", "日志\(mark)", "训练\(mark)", "日志"])
    }

    @Test func goesOnWithinTheLineAfterARestart() async throws {
        try fixture.append("0123456789abcdef012\n")
        let configuration = LogCollector.Configuration(chunkBytes: 8, maxLineBytes: 8)
        for _ in 0..<3 {
            let collector = await fixture.collector(configuration)
            let chunk = try #require(await collector.collectData())
            #expect(await collector.storeData(chunk))
        }
        let mark = " [arobust: line continues]"
        #expect(fixture.lines == ["01234567\(mark)", "89abcdef\(mark)", "012"])
    }

    @Test func needsLittleMemoryForALineOf100MB() throws {
        let block = [UInt8](repeating: UInt8(ascii: "x"), count: 1_000_000)
        for _ in 0..<100 { try fixture.folder.append(block, to: fixture.name) }
        try fixture.append("\nend\n")
        var follower = LogFollower(path: fixture.path, configuration: .init(), logger: fixture.log.logger)
        var total = 0
        var largest = 0
        while let lines = follower.next() {
            let mark = lines.span?.line == .afterPiece ? LogFollower.continuesMark.utf8.count : 0
            #expect(lines.content.utf8.count - mark <= 1024 * 1024)
            total += lines.content.utf8.count - mark + (lines.span?.line == .afterPiece ? 0 : 1)
            largest = max(largest, follower.buffer.capacity)
            follower.confirm(lines)
        }
        #expect(total == 100_000_000 + 5)
        #expect(largest < 2 * 1024 * 1024)
        #expect(follower.buffer.capacity < 512 * 1024)
        #expect(fixture.log.count("longer than allowed") == 1)
    }

    @Test func readsA10MBLineThatGrowsPieceByPiece() async throws {
        let collector = await fixture.collector(.init(maxLineBytes: 20_000_000))
        let piece = String(repeating: "y", count: 10_000)
        for _ in 0..<1000 {
            try fixture.append(piece)
            #expect(await collector.collectData() == nil)
        }
        try fixture.append("\n")
        await collector.drain()
        #expect(fixture.client.contents.map(\.utf8.count) == [10_000_000])
    }
}
