import Foundation
import Glibc
import Hang
import Synchronization
import SystemSupport
import TestSupport
import Testing

@testable import TrainingProgress

struct LastLogLinesTests {
    private final class Pieces: Sendable {
        private let taken = Mutex<[EvidencePiece]>([])
        var all: [EvidencePiece] { taken.withLock { $0 } }
        func take(_ piece: EvidencePiece) { taken.withLock { $0.append(piece) } }
    }

    private func collect(_ paths: [String]) async -> [EvidencePiece] {
        let pieces = Pieces()
        await LastLogLines(nodeRank: 0, open: Self.open) { paths }.collect(until: .now + .seconds(20)) {
            pieces.take($0)
        }
        return pieces.all
    }

    @Test func theEndOfEachLogIsThereWithItsLastTime() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "last-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let long = (0..<5000).map { "2026-11-24 00:20:\(10 + $0 % 50),000 INFO train: step \($0) loss 2.3 öäü" }.joined(
            separator: "\n")
        try Data((long + "\nno time here").utf8).write(to: URL(filePath: "\(folder)/rank_1.log"))
        try Data("a line without an end".utf8).write(to: URL(filePath: "\(folder)/rank_0.log"))
        try Data().write(to: URL(filePath: "\(folder)/other.log"))
        let paths = ["other.log", "rank_1.log", "gone.log", "rank_0.log"].map { "\(folder)/\($0)" }
        let pieces = await collect(paths)
        #expect(pieces.count == 4 && pieces.map(\.rank) == [0, 1, nil, nil])
        let last = pieces[1].content
        #expect(last.count <= LastLines.mostBytes && last.count > LastLines.mostBytes - 200)
        let text = String(decoding: last, as: UTF8.self)
        #expect(text.hasPrefix("2026-11-24 00:20:") && text.hasSuffix("no time here"))
        #expect(pieces[1].source == paths[1])
        #expect(abs((pieces[1].lastLine ?? 0) - pieces[1].time) < 60)
        #expect(pieces[0].content == Array("a line without an end".utf8))
        let gone = try #require(pieces.first { $0.source.hasSuffix("gone.log") })
        #expect(gone.missing?.contains("No such file") == true)
    }

    @Test func ofManyLogsTheSmallestRanksAreTaken() async {
        let pieces = await collect((0..<200).reversed().map { "/nowhere/rank_\($0).log" })
        #expect(pieces.count == LastLogLines.mostLogs)
        #expect(pieces.map(\.rank) == (0..<LastLogLines.mostLogs).map { $0 })
    }

    @Test func withoutLogsTheReasonIsThere() async {
        let pieces = await collect([])
        #expect(pieces.count == 1 && pieces[0].missing?.contains("logs.files") == true)
    }

    @Test func aDiskThatDoesNotAnswerHoldsUpNobody() async {
        let gate = Mutex(true)
        let source = LastLogLines(nodeRank: 0, open: Self.open) {
            // A fake at the boundary: no file system here hangs on demand.
            while gate.withLock({ $0 }) { usleep(1000) }
            return []
        }
        let pieces = Pieces()
        await source.collect(until: .now + .milliseconds(50)) { pieces.take($0) }
        #expect(pieces.all.map { $0.missing ?? "" } == ["the time was over before all logs were read"])
        await source.collect(until: .now + .seconds(20)) { pieces.take($0) }
        #expect(pieces.all.last?.missing?.contains("does not answer") == true)
        gate.withLock { $0 = false }
    }

    private static let open: @Sendable (String) throws -> CInt = { path in
        try SystemCallError.retrying("open", path: path) { Glibc.open(path, O_RDONLY | O_CLOEXEC) }
    }
}
