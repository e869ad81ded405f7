import CoreMetrics
import Synchronization
import TestSupport
import Testing
import ZMQBridge

@testable import Agent

@Suite(.timeLimit(.minutes(2))) struct SettingsReloaderTests {
    private let scratch = ScratchFolder()
    private let log = LogCapture()

    /// A part that records what it is asked to do.
    private final class Part: ReloadablePart {
        struct Impossible: Error, CustomStringConvertible {
            let description = "it can't be"
        }

        let events = Mutex<[String]>([])
        let isImpossible: Bool
        /// Called before the settings are in force.
        let gate: @Sendable () async -> Void

        init(isImpossible: Bool = false, gate: @escaping @Sendable () async -> Void = {}) {
            self.isImpossible = isImpossible
            self.gate = gate
        }

        var all: [String] { events.withLock { $0 } }

        func prepare(_ settings: AgentSettings) async throws -> PreparedPart {
            if isImpossible { throw Impossible() }
            let interval = settings.values[\.metrics.interval]
            return PreparedPart {
                await self.gate()
                self.events.withLock { $0.append("took \(interval)") }
                return PreparedPart.Report()
            } discard: {
                self.events.withLock { $0.append("gave up") }
            }
        }
    }

    private func write(seconds: Int) throws {
        try scratch.write("metrics: {interval: \(seconds)s}\nstate-dir: \(scratch.file("state"))\n", to: "arobust.yaml")
    }

    private func reloader(_ parts: [any ReloadablePart]) throws -> SettingsReloader {
        try write(seconds: 1)
        let source = SettingsSource(
            file: scratch.file("arobust.yaml"), environment: ["HOME": scratch.path], flags: [])
        return SettingsReloader(
            of: source, settings: try source.load(), for: .bridge, parts: parts,
            factory: NOOPMetricsHandler.instance, logger: log.logger)
    }

    private func running(_ reloader: SettingsReloader, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { await reloader.run() }
            try await body()
            group.cancelAll()
        }
    }

    private func outcome(of number: UInt64, _ reloader: SettingsReloader) async throws -> SettingsReload {
        try await eventually { reloader.outcome(of: number) != nil }
        return try #require(reloader.outcome(of: number))
    }

    @Test func allPartsTakeTheSettingsInOrder() async throws {
        let part = Part()
        let reloader = try reloader([part])
        try await running(reloader) {
            try write(seconds: 2)
            let outcome = try await outcome(of: reloader.request(), reloader)
            #expect(outcome.outcome == .applied && outcome.changes.count == 1)
            #expect(part.all == ["took 2.0 seconds"])
            #expect(reloader.standing.failedAt == nil)
        }
    }

    @Test func whatOnePartCannotTakeNoneTakes() async throws {
        let part = Part()
        let reloader = try reloader([part, Part(isImpossible: true)])
        try await running(reloader) {
            try write(seconds: 2)
            let outcome = try await outcome(of: reloader.request(), reloader)
            #expect(outcome == SettingsReload(.refused, errors: ["it can't be"]))
            #expect(part.all == ["gave up"])
            #expect(reloader.standing.errors == ["it can't be"])
        }
    }

    @Test func wishesDuringAReadingAreOneMore() async throws {
        let (gate, entered) = (WakeUp(), WakeUp())
        let part = Part {
            entered.signal()
            await gate.wait()
        }
        let reloader = try reloader([part])
        try await running(reloader) {
            #expect(reloader.request() == 1)
            await entered.wait()
            // The first may have read its file already.
            #expect((0..<100).map { _ in reloader.request() } == Array(repeating: 2, count: 100))
            #expect(reloader.outcome(of: 1) == nil)
            gate.signal()
            _ = try await outcome(of: 1, reloader)
            await entered.wait()
            gate.signal()
            _ = try await outcome(of: 2, reloader)
            #expect(part.all.count == 2)
            #expect(reloader.request() == 3)
            await entered.wait()
            gate.signal()
        }
    }

    @Test func afterTheEndEveryWishIsRefused() async throws {
        let reloader = try reloader([])
        try await running(reloader) {}
        let number = reloader.request()
        #expect(reloader.outcome(of: number) == SettingsReload(.refused, errors: ["the process ends"]))
    }

    /// Ends one wait for each signal.
    private final class WakeUp: Sendable {
        private let stream: AsyncStream<Void>
        private let continuation: AsyncStream<Void>.Continuation

        init() { (stream, continuation) = AsyncStream.makeStream() }

        func signal() { continuation.yield() }

        func wait() async {
            var iterator = stream.makeAsyncIterator()
            _ = await iterator.next()
        }
    }
}
