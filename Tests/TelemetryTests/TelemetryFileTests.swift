import CoreMetrics
import Foundation
import Glibc
import Synchronization
import SystemSupport
import Telemetry
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct TelemetryFileTests {
    private let folder = ScratchFolder()
    private let log = LogCapture()

    private func content(_ path: String) -> String? {
        try? folder.text(path)
    }

    private func replace(_ file: WholeFile, with text: String) throws(SystemCallError) {
        try file.replace(with: Array(text.utf8), mode: 0o644, lasting: .process)
    }

    @Test func saysThatTheProcessRunsAndThatItHasEnded() async throws {
        let path = TelemetryFile.path(of: "agent", in: folder.path)
        #expect(path == folder.path + "/telemetry/agent.prom")
        let registry = TelemetryRegistry(labels: [("command", "agent")])
        let counter = Counter(label: "arobust_x_total", factory: registry)
        let file = TelemetryFile(path: path, registry: registry, interval: .seconds(3600), logger: log.logger)
        let before = Int(Date().timeIntervalSince1970)
        let task = Task { await file.run() }
        try await eventually { content(path) != nil }
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
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("telemetry")) == ["agent.prom"])
        #expect(log.lines.isEmpty)
    }

    @Test func aReaderNeverSeesAHalfFile() async throws {
        let file = WholeFile(path: folder.file("a.prom"))
        let contents = ["a", "b"].map { String(repeating: "\($0) 1\n", count: 50_000) }
        try replace(file, with: contents[0])
        let writing = Task.detached {
            for index in 0..<400 { try replace(file, with: contents[index % 2]) }
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
        let path = TelemetryFile.path(of: "agent", in: folder.file("missing"))
        let rounds = Mutex(0)
        let file = TelemetryFile(
            path: path, registry: TelemetryRegistry(), interval: .milliseconds(5), logger: log.logger
        ) { interval in
            rounds.withLock { $0 += 1 }
            try await Task.sleep(for: interval)
        }
        let task = Task { await file.run() }
        try await eventually { rounds.withLock { $0 } >= 5 }
        #expect(log.lines.count == 1)
        try folder.makeFolder("missing")
        try await eventually { log.lines.count == 2 }
        task.cancel()
        await task.value
        #expect(
            log.count(
                "warning The self-metrics cannot be written. error=cannot make the folder \(folder.path)/missing/") == 1
        )
        #expect(log.lines.last == "notice The self-metrics can be written again.")
        #expect(content(path)?.contains("\narobust_up 0\n") == true)
    }

    @Test(arguments: [0o644, 0o640, 0o600] as [mode_t])
    func aCopyHasItsOwnModeAndEndsLikeTheFile(mode: mode_t) async throws {
        let paths = (file: TelemetryFile.path(of: "agent", in: folder.path), copy: folder.file("text/node.prom"))
        try folder.makeFolder("text")
        let file = TelemetryFile(
            path: paths.file, copy: .init(path: paths.copy, mode: mode), registry: TelemetryRegistry(),
            interval: .seconds(3600), logger: log.logger)
        let task = Task { await file.run() }
        try await eventually { content(paths.copy) != nil }
        #expect(content(paths.copy) == content(paths.file))
        let attributes = try FileManager.default.attributesOfItem(atPath: paths.copy)
        #expect(attributes[.posixPermissions] as? Int == Int(mode))
        task.cancel()
        await task.value
        #expect(content(paths.copy)?.contains("\narobust_up 0\n") == true)
        #expect(content(paths.copy) == content(paths.file))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("text")) == ["node.prom"])
        #expect(log.lines.isEmpty)
    }

    @Test func aCopyThatCannotBeWrittenIsToldOfOnceAndHoldsUpNothing() async throws {
        let paths = (file: TelemetryFile.path(of: "agent", in: folder.path), copy: folder.file("missing/node.prom"))
        let rounds = Mutex(0)
        let file = TelemetryFile(
            path: paths.file, copy: .init(path: paths.copy, mode: 0o644), registry: TelemetryRegistry(),
            interval: .milliseconds(5), logger: log.logger
        ) { interval in
            rounds.withLock { $0 += 1 }
            try await Task.sleep(for: interval)
        }
        let task = Task { await file.run() }
        try await eventually { rounds.withLock { $0 } >= 5 }
        #expect(content(paths.file) != nil)
        #expect(
            log.lines == [
                "warning The copy of the self-metrics cannot be written. error=cannot open \(paths.copy).new: No such file or directory"
            ])
        try folder.makeFolder("missing")
        try await eventually { log.lines.count == 2 }
        task.cancel()
        await task.value
        #expect(log.lines.last == "notice The copy of the self-metrics can be written again.")
        #expect(content(paths.copy) == content(paths.file))
    }

    @Test func aCopyReplacesALinkAndNotWhatItLeadsTo() async throws {
        let copy = folder.file("node.prom")
        try folder.write("precious", to: "passwd")
        for link in [copy, copy + ".new"] {
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder.file("passwd"))
        }
        let file = TelemetryFile(
            path: folder.file("agent.prom"), copy: .init(path: copy, mode: 0o644), registry: TelemetryRegistry(),
            logger: log.logger)
        let task = Task { await file.run() }
        task.cancel()
        await task.value
        #expect(content(copy)?.contains("\narobust_up 0\n") == true)
        #expect(content(folder.file("passwd")) == "precious")
        #expect(log.lines.isEmpty)
    }

    @Test func replacesAFileThatSomebodyLeftHalfWritten() throws {
        let file = WholeFile(path: folder.file("a.prom"))
        try folder.write("half", to: "a.prom.new")
        try replace(file, with: "whole\n")
        #expect(content(file.path) == "whole\n")
        try folder.makeFolder("a.prom.new")
        #expect(throws: SystemCallError.self) { try replace(file, with: "other\n") }
        #expect(content(file.path) == "whole\n")
    }
}
