internal import CoreMetrics
internal import Logging
internal import ServiceLifecycle
private import Synchronization
internal import SystemSupport
internal import ZMQBridge

/// Reads the settings again, whenever somebody asks for it, and has the parts of the process take them.
///
/// Either all of them are right, and everything takes effect but what waits for a restart, or nothing does. Never two readings at a time; any
/// number of wishes that come during one are another one.
final class SettingsReloader: Service, SettingsReloading {
    /// Between two readings, so that who asks without end costs little.
    private static let pause: Duration = .milliseconds(100)
    /// So many outcomes are kept for those who ask.
    private static let mostOutcomes = 16

    private struct State {
        /// The settings in force.
        var settings: AgentSettings
        /// The number of the newest reading that was asked for, that was begun, and that is done.
        var wanted: UInt64 = 0
        var begun: UInt64 = 0
        var done: UInt64 = 0
        var outcomes: [UInt64: SettingsReload] = [:]
        var standing: SettingsStanding
        var hasEnded = false
        /// Told of readings, once it knows that the service is ready.
        var manager: NotifySocket?
    }

    private let source: SettingsSource
    private let purpose: SettingsCheck.Purpose
    private let parts: [any ReloadablePart]
    private let logger: Logger
    private let state: Mutex<State>
    private let signal = WakeSignal()
    private let queue = BlockingQueue(label: "arobust.reload", pool: .state)
    private let metrics: ReloadMetrics

    /// - Parameters:
    ///   - settings: those in force.
    ///   - purpose: what else they are checked for.
    ///   - parts: take new settings in this order.
    init(
        of source: SettingsSource, settings: AgentSettings, for purpose: SettingsCheck.Purpose,
        parts: [any ReloadablePart], factory: any MetricsFactory, logger: Logger
    ) {
        self.source = source
        self.purpose = purpose
        self.parts = parts
        self.logger = logger
        let now = WallClock.seconds()
        state = Mutex(State(settings: settings, standing: SettingsStanding(readAt: now)))
        metrics = ReloadMetrics(factory: factory, now: now)
    }

    // MARK: for whoever asks

    @discardableResult
    func request() -> UInt64 {
        let number = state.withLock { state in
            if state.wanted == state.begun { state.wanted += 1 }
            return state.wanted
        }
        signal.wake()
        return number
    }

    func outcome(of number: UInt64) -> SettingsReload? {
        state.withLock { state in
            if state.done >= number { return state.outcomes[number] ?? state.outcomes[state.done] }
            return state.hasEnded ? SettingsReload(.refused, errors: ["the process ends"]) : nil
        }
    }

    var standing: SettingsStanding { state.withLock { $0.standing } }

    /// From now on the service manager is told of readings: it knows that the service is ready.
    func tell(_ manager: NotifySocket) {
        state.withLock { $0.manager = manager }
    }

    // MARK: reading

    func run() async {
        await cancelWhenGracefulShutdown { await self.reloadUntilCancelled() }
        state.withLock { $0.hasEnded = true }
    }

    private func reloadUntilCancelled() async {
        while !Task.isCancelled {
            await signal.wait()
            guard !Task.isCancelled, let number = begin() else { continue }
            notify([.reloading])
            finish(number, await reload())
            notify([.ready])
            try? await Task.sleep(for: Self.pause)
        }
    }

    private func begin() -> UInt64? {
        state.withLock { state in
            guard !state.hasEnded, state.wanted > state.begun else { return nil }
            state.begun = state.wanted
            return state.begun
        }
    }

    private func finish(_ number: UInt64, _ outcome: SettingsReload) {
        let now = WallClock.seconds()
        state.withLock { state in
            state.done = number
            state.outcomes[number] = outcome
            if number > UInt64(Self.mostOutcomes) { state.outcomes[number - UInt64(Self.mostOutcomes)] = nil }
            if outcome.outcome != .refused {
                state.standing = SettingsStanding(readAt: now)
                state.standing.restart = outcome.restart
            }
            state.standing.failedAt = outcome.outcome == .applied ? nil : now
            state.standing.errors = outcome.errors
        }
        metrics.record(outcome.outcome, now: now)
        log(outcome)
    }

    private func reload() async -> SettingsReload {
        let old = state.withLock { $0.settings }
        switch await queue.run({ [source, purpose] in Self.read(source, old, for: purpose) }) {
        case .failure(let problem): return SettingsReload(.refused, errors: problem.sentences)
        case .success(let reading):
            for warning in reading.warnings { logger.warning("\(warning)") }
            return await apply(reading.settings, reading.difference)
        }
    }

    private struct Reading {
        let settings: AgentSettings
        let difference: SettingsDifference
        let warnings: [String]
    }

    private struct Problem: Error {
        let sentences: [String]
    }

    /// Blocks on the disk.
    private static func read(
        _ source: SettingsSource, _ old: AgentSettings, for purpose: SettingsCheck.Purpose
    ) -> Result<Reading, Problem> {
        do {
            let new = try source.loadAgain()
            // What waits for a restart must be right as well, or the restart would fail.
            let check = SettingsCheck(new, for: purpose)
            guard check.errors.isEmpty else {
                return .failure(Problem(sentences: check.errors.map { "\($0)" }))
            }
            let difference = SettingsDifference(from: old, to: new)
            return .success(
                Reading(settings: try difference.settings(), difference: difference, warnings: check.warnings))
        } catch {
            return .failure(Problem(sentences: ["\(error)"]))
        }
    }

    /// Has all parts make ready, and then take the settings.
    private func apply(_ settings: AgentSettings, _ difference: SettingsDifference) async -> SettingsReload {
        var prepared: [PreparedPart] = []
        do {
            for part in parts { prepared.append(try await part.prepare(settings)) }
        } catch {
            for part in prepared { await part.discard() }
            return SettingsReload(.refused, errors: ["\(error)"])
        }
        state.withLock { $0.settings = settings }
        var outcome = PreparedPart.Report(changes: difference.changes.map(\.sentence))
        for part in prepared {
            let report = await part.apply()
            outcome.changes += report.changes
            outcome.errors += report.errors
        }
        return SettingsReload(
            outcome.errors.isEmpty ? .applied : .partly, changes: outcome.changes,
            restart: difference.restartSentences, errors: outcome.errors)
    }

    // MARK: telling

    private func log(_ outcome: SettingsReload) {
        switch outcome.outcome {
        case .applied:
            logger.notice(
                "The settings were read again, and are in force.", metadata: ["changes": "\(outcome.changes.count)"])
        case .partly: logger.error("The settings were read again, but not all of it could be done.")
        case .refused: logger.error("The settings were read again and refused; all stays as it was.")
        }
        for change in outcome.changes { logger.notice("Changed: \(change)") }
        for setting in outcome.restart { logger.warning("This waits for a restart: \(setting)") }
        for error in outcome.errors { logger.error("\(error)") }
    }

    private func notify(_ news: [NotifySocket.News]) {
        guard let manager = state.withLock({ $0.manager }) else { return }
        do throws(SystemCallError) {
            try manager.tell(news)
        } catch {
            logger.debug("The service manager could not be told.", metadata: ["error": "\(error)"])
        }
    }
}

/// The self-metrics of readings of the settings.
private struct ReloadMetrics {
    private let outcomes: [SettingsReload.Outcome: Counter]
    private let isGood: Gauge
    private let readAt: Gauge

    /// - Parameter now: when the process read its first settings, in seconds since 1970.
    init(factory: any MetricsFactory, now: Int64) {
        outcomes = Dictionary(
            uniqueKeysWithValues: SettingsReload.Outcome.allCases.map { outcome in
                let dimensions = [("outcome", outcome.rawValue)]
                return (
                    outcome, Counter(label: "arobust_settings_reloads_total", dimensions: dimensions, factory: factory)
                )
            })
        isGood = Gauge(label: "arobust_settings_last_reload_successful", factory: factory)
        readAt = Gauge(label: "arobust_settings_read_at_seconds", factory: factory)
        isGood.record(1)
        readAt.record(now)
    }

    func record(_ outcome: SettingsReload.Outcome, now: Int64) {
        outcomes[outcome]?.increment()
        isGood.record(outcome == .applied ? 1 : 0)
        if outcome != .refused { readAt.record(now) }
    }
}
