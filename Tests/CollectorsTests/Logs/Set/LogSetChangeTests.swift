import Diagnosis
import TestSupport
import Testing

@testable import Collectors

/// Other settings for a collector that has followed logs before.
@Suite(.timeLimit(.minutes(2))) struct LogSetChangeTests {
    private let folder = ScratchFolder()
    private let client = RecordingClient()
    private let log = LogCapture()

    private func collector(
        _ files: [String], from start: LogCollector.Configuration.Start = .start
    ) async -> LogSetCollector {
        let collector = LogSetCollector(
            selection: LogSelection(files: files.map(folder.file)), node: NodeIdentity(id: 1),
            configuration: LogCollector.Configuration(startFrom: start), logger: log.logger)
        await collector.setClient(client)
        return collector
    }

    private func follow(
        _ files: [String], with collector: LogSetCollector, maxLineBytes: Int? = nil,
        from start: LogCollector.Configuration.Start = .start
    ) async {
        var configuration = LogCollector.Configuration(startFrom: start)
        if let maxLineBytes { configuration.maxLineBytes = maxLineBytes }
        await collector.change(
            to: LogSelection(files: files.map(folder.file)), configuration: configuration, shedding: .init(),
            maxFiles: 100, maxOpenFiles: 100, observer: nil, isObserverOther: false)
    }

    private func sorted() -> [String] {
        client.contents.flatMap { $0.split(separator: "\n").map(String.init) }.sorted()
    }

    private func drain(_ collector: LogSetCollector, until lines: [String]) async throws {
        try await eventually {
            if await collector.isEnabled() { _ = await collector.collectRounds(1000) }
            return sorted() == lines.sorted()
        }
    }

    @Test func aLogIsAddedTakenOutAndReadOn() async throws {
        for name in ["a", "b"] { try folder.write("\(name)1\n", to: "\(name).log") }
        let collector = await collector(["a.log"])
        try await drain(collector, until: ["a1"])
        await follow(["a.log", "b.log"], with: collector)
        try await drain(collector, until: ["a1", "b1"])
        await follow(["b.log"], with: collector)
        for name in ["a", "b"] { try folder.append("\(name)2\n", to: "\(name).log") }
        try await drain(collector, until: ["a1", "b1", "b2"])
        #expect(await collector.counts.files == 1)
        await follow(["*.log"], with: collector)
        try await drain(collector, until: ["a1", "a2", "b1", "b2"])
    }

    @Test func aLogFromItsEndLosesNothingThatIsWrittenMeanwhile() async throws {
        try folder.write("old\n", to: "a.log")
        let collector = await collector(["a.log"], from: .end)
        for _ in 0..<3 where await collector.isEnabled() { _ = await collector.collectRounds(10) }
        // Nothing was reported, so nobody else knows how far it was.
        await follow([], with: collector, from: .end)
        try folder.append("new\n", to: "a.log")
        await follow(["a.log"], with: collector, from: .end)
        try await drain(collector, until: ["new"])
    }

    @Test func theBeginningOfALineWaitsForItsEndWhateverChanges() async throws {
        try folder.write("one\nhalf ", to: "a.log")
        let collector = await collector(["a.log"])
        try await drain(collector, until: ["one"])
        for size in 1...5 {
            await follow(["a.log"], with: collector, maxLineBytes: 65536 + size)
            if await collector.isEnabled() { _ = await collector.collectRounds(10) }
        }
        try folder.append("a line\n", to: "a.log")
        try await drain(collector, until: ["half a line", "one"])
    }

    @Test func aFileThatAppearsJustBeforeTheChangeIsNew() async throws {
        let collector = await collector(["*.log"], from: .end)
        _ = await collector.isEnabled()
        try folder.write("first\n", to: "a.log")
        await follow(["*.log", "b.txt"], with: collector, from: .end)
        try await drain(collector, until: ["first"])
    }

    @Test func watchesOfFoldersThatAreLeftEnd() async throws {
        for name in ["x", "y"] {
            try folder.makeFolder(name)
            try folder.write("\(name)\n", to: "\(name)/a.log")
        }
        let collector = await collector(["x/a.log"])
        for number in 0..<10 { await follow([number % 2 == 0 ? "y/a.log" : "x/a.log"], with: collector) }
        try await drain(collector, until: ["x"])
        #expect(await collector.watchedFolders == [folder.file("x")])
    }
}
