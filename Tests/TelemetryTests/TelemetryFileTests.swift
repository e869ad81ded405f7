import CoreMetrics
import Foundation
import InMemoryLogging
import Logging
@testable import Telemetry
import Testing

@Suite(.timeLimit(.minutes(1))) struct TelemetryFileTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "arobust-telemetry-\(UUID())").path
    private let handler: InMemoryLogHandler
    private let logger: Logger

    init() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let handler = InMemoryLogHandler()
        self.handler = handler
        logger = Logger(label: "test") { _ in handler }
    }

    private func content(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }

    private func wait(until condition: () throws -> Bool) async throws {
        while try !condition() { try await Task.sleep(for: .milliseconds(2)) }
    }

    @Test func saysThatTheProcessRunsAndThatItHasEnded() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = TelemetryFile.path(of: "agent", in: folder)
        #expect(path == folder + "/telemetry/agent.prom")
        let registry = TelemetryRegistry(labels: [("command", "agent")])
        let counter = Counter(label: "arobust_x_total", factory: registry)
        let file = TelemetryFile(path: path, registry: registry, interval: .seconds(3600), logger: logger)
        let before = Int(Date().timeIntervalSince1970)
        let task = Task { await file.run() }
        try await wait { content(path) != nil }
        let running = try #require(content(path))
        #expect(running.contains("\narobust_up{command=\"agent\"} 1\n"))
        #expect(running.contains("\narobust_x_total{command=\"agent\"} 0\n"))
        let time = running.split(separator: "\n").compactMap { PrometheusSample($0) }
            .first { $0.name == "arobust_telemetry_written_at_seconds" }?.value
        #expect((before...Int(Date().timeIntervalSince1970)).contains(Int(try #require(time))))
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o644)
        counter.increment()
        task.cancel()
        await task.value
        let ended = try #require(content(path))
        #expect(ended.contains("\narobust_up{command=\"agent\"} 0\n"))
        #expect(ended.contains("\narobust_x_total{command=\"agent\"} 1\n"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/telemetry") == ["agent.prom"])
        #expect(handler.entries.isEmpty)
    }

    @Test func aReaderNeverSeesAHalfFile() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = WholeFile(path: folder + "/a.prom")
        let contents = ["a", "b"].map { String(repeating: "\($0) 1\n", count: 50_000) }
        try file.write(contents[0])
        let writing = Task.detached {
            for index in 0..<400 { try file.write(contents[index % 2]) }
        }
        var reads = 0
        while reads < 400 {
            let text = try #require(content(file.path))
            #expect(contents.contains(text), "\(text.utf8.count) bytes")
            reads += 1
            await Task.yield()
        }
        try await writing.value
    }

    @Test func tellsOfAFailureOnceAndTriesAgain() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let missing = folder + "/missing"
        let path = TelemetryFile.path(of: "agent", in: missing)
        let file = TelemetryFile(
            path: path, registry: TelemetryRegistry(), interval: .milliseconds(5), logger: logger)
        let task = Task { await file.run() }
        try await wait { !handler.entries.isEmpty }
        try await Task.sleep(for: .milliseconds(50))
        try FileManager.default.createDirectory(atPath: missing, withIntermediateDirectories: true)
        try await wait { handler.entries.count == 2 }
        task.cancel()
        await task.value
        #expect(
            handler.entries.map { "\($0.level) \($0.message)" } == [
                "warning The self-metrics cannot be written.", "notice The self-metrics can be written again.",
            ])
        #expect(content(path)?.contains("\narobust_up 0\n") == true)
    }

    @Test func replacesAFileThatSomebodyLeftHalfWritten() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = WholeFile(path: folder + "/a.prom")
        try Data("half".utf8).write(to: URL(fileURLWithPath: file.path + ".new"))
        try file.write("whole\n")
        #expect(content(file.path) == "whole\n")
        try FileManager.default.createDirectory(atPath: file.path + ".new", withIntermediateDirectories: false)
        #expect(throws: TelemetryFileError.self) { try file.write("other\n") }
        #expect(content(file.path) == "whole\n")
    }
}
