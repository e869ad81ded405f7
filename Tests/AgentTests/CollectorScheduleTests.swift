import Diagnosis
import Logging
import ServiceLifecycle
import Synchronization
import SystemSupport
import Testing

@testable import Agent

@Suite(.timeLimit(.minutes(1))) struct CollectorScheduleTests {
    private let clock = JumpingClock()

    /// Runs a schedule until its collector has had so many rounds, and then shuts it down.
    private func run(
        _ collector: ScriptedCollector, rounds: Int, interval: Duration = .seconds(5), lastRound: Duration? = nil,
        as scheduled: (any DataCollector)? = nil
    ) async throws {
        let schedule = CollectorSchedule(
            collector: scheduled ?? collector, interval: interval, lastRound: lastRound, clock: clock)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: schedule, successTerminationBehavior: .ignore)],
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        await collector.end(after: rounds) { await group.triggerGracefulShutdown() }
        try await group.run()
    }

    private func seconds(_ numbers: Int...) -> [Duration] { numbers.map { .seconds($0) } }

    @Test func thereIsARoundNowAndOneEveryInterval() async throws {
        let collector = ScriptedCollector(clock)
        try await run(collector, rounds: 4)
        #expect(await collector.starts == seconds(0, 5, 10, 15))
    }

    @Test func aRoundThatTakesLongerThanTheIntervalIsNotMadeUpFor() async throws {
        let collector = ScriptedCollector(clock) { [clock] round in
            if round == 1 { clock.advance(by: .seconds(12)) }
            return true
        }
        try await run(collector, rounds: 4)
        #expect(await collector.starts == seconds(0, 12, 17, 22))
    }

    @Test func aBacklogIsTakenAtOnceWithPauses() async throws {
        let pieces = CollectorSchedule.piecesBetweenPauses
        let collector = ScriptedCollector(clock, collectsBacklog: true) { $0 <= 2 * pieces }
        // The round after those has nothing, and so ends this turn; the next turn comes an interval later.
        try await run(collector, rounds: 2 * pieces + 2)
        let pause = CollectorSchedule.backlogPause
        let starts = await collector.starts
        #expect(starts[..<pieces].allSatisfy { $0 == .zero })
        #expect(starts[pieces..<(2 * pieces)].allSatisfy { $0 == pause })
        #expect(starts[(2 * pieces)...] == [pause * 2, .seconds(5)])
    }

    @Test func theLastRoundTakesABacklogUntilItsTimeIsOver() async throws {
        let collector = ScriptedCollector(clock, collectsBacklog: true)
        try await run(collector, rounds: 1, lastRound: .milliseconds(100))
        // 100 ms have room for four turns with pauses of 32 ms; before them there was the one that the shutdown interrupted.
        #expect(await collector.starts.count == 1 + 4 * CollectorSchedule.piecesBetweenPauses)
    }

    @Test(arguments: [(Duration?.none, 3), (.seconds(1), 4)])
    func thereIsALastRoundOnlyWhereThatIsSet(lastRound: Duration?, rounds: Int) async throws {
        let collector = ScriptedCollector(clock)
        try await run(collector, rounds: 3, lastRound: lastRound)
        #expect(await collector.starts.count == rounds)
    }

    @Test func aSourceThatWakesIsLeftAloneUntilSomethingIsDue() async throws {
        let collector = ScriptedCollector(clock)
        try await run(collector, rounds: 4, as: QuietCollector(collector, quiet: seconds(30, 2, 0)))
        // Never sooner than the interval.
        #expect(await collector.starts == seconds(0, 30, 35, 40))
    }

    @Test func aCollectorThatIsDisabledIsOnlyAsked() async throws {
        let collector = ScriptedCollector(clock, isEnabled: false)
        try await run(collector, rounds: 3)
        #expect(await collector.starts.isEmpty)
        #expect(await collector.questions >= 3)
    }
}

/// A collector that notes when its rounds begin, and ends the schedule after some of them.
actor ScriptedCollector: DataCollector {
    let name = "scripted"
    nonisolated let collectsBacklog: Bool
    private(set) var starts: [Duration] = []
    private(set) var questions = 0
    private let clock: JumpingClock
    private let enabled: Bool
    private let hasMore: @Sendable (Int) -> Bool
    private var lastRound = Int.max
    private var onEnd: @Sendable () async -> Void = {}

    /// - Parameter hasMore: what a round, numbered from 1, comes to.
    init(
        _ clock: JumpingClock, collectsBacklog: Bool = false, isEnabled: Bool = true,
        hasMore: @escaping @Sendable (Int) -> Bool = { _ in true }
    ) {
        self.clock = clock
        self.collectsBacklog = collectsBacklog
        enabled = isEnabled
        self.hasMore = hasMore
    }

    func end(after rounds: Int, _ onEnd: @escaping @Sendable () async -> Void) {
        lastRound = rounds
        self.onEnd = onEnd
    }

    func isEnabled() async -> Bool {
        questions += 1
        if !enabled, questions == lastRound { await endAndWait() }
        return enabled
    }

    func collectData() async -> String? {
        starts.append(clock.now.offset)
        let round = starts.count
        if round == lastRound {
            await endAndWait()
            return nil
        }
        return hasMore(round) ? "round \(round)" : nil
    }

    func storeData(_ data: String) -> Bool { true }
    func setClient(_ client: any MasterClient) {}

    /// Shutdown takes its time to arrive; until then this round goes on.
    private func endAndWait() async {
        await onEnd()
        try? await Task.sleep(for: .seconds(3600))
    }
}

/// A scripted collector whose source would wake it, and never does.
actor QuietCollector: WakingCollector {
    let name = "quiet"
    nonisolated let wakeSignal = WakeSignal()
    private let collector: ScriptedCollector
    private var quiet: [Duration]

    /// - Parameter quiet: how long nothing is due after each round.
    init(_ collector: ScriptedCollector, quiet: [Duration]) {
        self.collector = collector
        self.quiet = quiet.reversed()
    }

    func watch() async { await WakeSignal().wait() }
    func quietTime() async -> Duration { quiet.popLast() ?? .zero }
    func isEnabled() async -> Bool { await collector.isEnabled() }
    func collectData() async -> String? { await collector.collectData() }
    func storeData(_ data: String) async -> Bool { await collector.storeData(data) }
    func setClient(_ client: any MasterClient) async { await collector.setClient(client) }
}

/// A clock on which sleeping takes no time.
final class JumpingClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration = .zero

        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private let time = Mutex(Instant())

    var now: Instant { time.withLock { $0 } }
    var minimumResolution: Duration { .zero }

    func advance(by duration: Duration) {
        time.withLock { $0 = $0.advanced(by: duration) }
    }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        time.withLock { $0 = max($0, deadline) }
        await Task.yield()
    }
}
