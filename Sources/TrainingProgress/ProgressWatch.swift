package import CoreMetrics
package import Diagnosis
internal import FailureDiagnosis
package import Hang
package import Logging
internal import Synchronization
package import SystemSupport

/// Learns from the followed logs how the trainings of this node go: their steps, how long one takes, whether they stand still.
///
/// Lines are searched outside of the lock, on the collector's own thread; under it only numbers change. Any number of logs may share one watch;
/// of more than 64 trainings, those that have been quiet for longest are forgotten.
package final class ProgressWatch: LogObserver {
    /// A training: a log, or a rank of a log that has several.
    struct Key: Hashable {
        var log: String
        var rank: Int?
    }

    /// What is known of a log.
    struct Log {
        var name: LogRank
        var profile: Int?
        /// Pieces of it without a step, since the last one: then all profiles are tried again.
        var emptyPieces = 0
        /// Whether what is read now is no news: it was there before, or a lot follows.
        var isBehind = true
        /// Whether all that was there at first was read.
        var hasCaughtUp = false
        var unread: UInt64 = 0
        /// Pieces after which little was left.
        var lastPieces = 0
    }

    struct State {
        var logs: [String: Log] = [:]
        var trainings: [Key: LogProgress] = [:]
        var metrics: [Key: TrainingMetrics] = [:]
        var changes: [ProgressChange] = []
    }

    static let mostTrainings = 64
    static let mostLogs = 10_000
    static let mostChanges = 256
    static let mostEmptyPieces = 100
    /// A few lines that are being written are no backlog, in bytes.
    static let leastBacklog: UInt64 = 64 << 10

    /// Woken when there is a change to tell.
    package let wakeSignal = WakeSignal()
    let settings: ProgressSettings
    let table: ProfileTable
    let nodeRank: Int
    let factory: any MetricsFactory
    let logger: Logger
    let clock: @Sendable () -> ProgressMoment
    let modified: @Sendable (String) -> Double?
    let state = Mutex(State())
    let suspicions = Mutex<(any HangObserver)?>(nil)

    /// - Parameters:
    ///   - nodeRank: turns torchrun's local ranks into ranks of the job.
    ///   - clock: now.
    ///   - modified: when a file was last written, in seconds since 1970; asked once a log that was there before.
    package init(
        settings: ProgressSettings = ProgressSettings(), profiles: ProfileTable, nodeRank: Int = 0,
        logger: Logger = Logger(label: "arobust.progress"), factory: any MetricsFactory = MetricsSystem.factory,
        clock: @escaping @Sendable () -> ProgressMoment = { .now },
        modified: @escaping @Sendable (String) -> Double? = { FileTime.modified($0) }
    ) {
        self.settings = settings
        table = profiles
        self.nodeRank = nodeRank
        self.logger = logger
        self.factory = factory
        self.clock = clock
        self.modified = modified
    }

    /// Who is told when a training stands still: once for each time that it does.
    package func setHangObserver(_ observer: any HangObserver) {
        suspicions.withLock { $0 = observer }
    }

    /// Takes its self-metrics out: another watch takes its place.
    package func retire() {
        state.withLock { state in
            for metrics in state.metrics.values { metrics.destroy() }
            state.metrics = [:]
            state.trainings = [:]
        }
    }

    // MARK: lines

    /// Nothing here speaks of a failure.
    package func judge(_ lines: UnsafeRawBufferPointer) -> [JudgedLine] { [] }

    package func time(of line: UnsafeRawBufferPointer) -> Double? { LogTime(clock: .system).read(line) }

    package func noteUnread(_ bytes: UInt64, of path: String) {
        state.withLock { state in
            if state.logs[path] == nil { addLog(path, to: &state) }
            guard var log = state.logs[path] else { return }
            log.unread = bytes
            let isBehind = bytes > Self.leastBacklog || !log.hasCaughtUp
            let hasChanged = log.isBehind != isBehind
            log.isBehind = isBehind
            state.logs[path] = log
            if hasChanged { setBehind(isBehind, log, in: &state) }
        }
    }

    package func observe(_ lines: String, judged: [JudgedLine], of path: String) {
        let (profile, isBehind) = state.withLock { ($0.logs[path]?.profile, $0.logs[path]?.isBehind ?? true) }
        var lines = lines
        let found = lines.withUTF8 { utf8 -> [(found: ProgressLines.Found, time: Double?)] in
            let bytes = UnsafeRawBufferPointer(utf8)
            let progress = ProgressLines(in: bytes, of: table, profile: profile)
            guard !progress.found.isEmpty else { return [] }
            let time = LogTime(clock: .system)
            return progress.found.map { found in
                (found, time.read(UnsafeRawBufferPointer(rebasing: bytes[found.line.prefix(FieldTemplate.reach)])))
            }
        }
        guard !found.isEmpty || profile != nil else { return }
        let now = clock()
        let hasChanged = state.withLock { take(found, of: path, isBehind: isBehind, now: now, in: &$0) }
        if hasChanged { wakeSignal.wake() }
    }

    /// - Returns: whether there is something to tell, or a deadline came nearer.
    func take(
        _ found: [(found: ProgressLines.Found, time: Double?)], of path: String, isBehind: Bool, now: ProgressMoment,
        in state: inout State
    ) -> Bool {
        if state.logs[path] == nil { addLog(path, to: &state) }
        guard var log = state.logs[path] else { return false }
        defer {
            // This was the last of the backlog.
            if !log.hasCaughtUp, isAtEnd(&log) {
                (log.hasCaughtUp, log.isBehind) = (true, false)
                setBehind(false, log, in: &state)
            }
            state.logs[path] = log
        }
        let steps = found.filter { $0.found.reading.event == .step }
        if let last = steps.last {
            log.profile = last.found.profile ?? log.profile
            log.emptyPieces = 0
        } else if log.profile != nil {
            log.emptyPieces += 1
            if log.emptyPieces >= Self.mostEmptyPieces { log.profile = nil }
        }
        var hasChanged = false
        if steps.contains(where: { $0.found.isAfterGap && $0.found.rank != nil }) {
            // Lines of any of its ranks may be among those that were not read.
            for key in state.trainings.keys where key.log == log.name.name { state.trainings[key]?.skipGap(now: now) }
        }
        for (line, time) in found {
            // Ranks of one log have lines of their own; what names no rank is of all.
            let keys: [Key]
            if line.reading.event == .step || line.reading.event == .start || line.rank != nil {
                keys = [Key(log: log.name.name, rank: line.rank ?? log.name.rank)]
            } else {
                keys = state.trainings.keys.filter { $0.log == log.name.name }
            }
            for key in keys {
                if state.trainings[key] == nil {
                    // Only what has steps, or says that it starts, is a training.
                    guard line.reading.event == .step || line.reading.event == .start else { continue }
                    makeRoom(in: &state)
                    state.trainings[key] = LogProgress(path: path, rank: key.rank, settings: settings)
                    state.metrics[key] = TrainingMetrics(path: path, rank: key.rank, factory: factory)
                    hasChanged = true
                }
                if let known = state.trainings[key], known.path != path, !isLater(path, than: known.path) { continue }
                if state.trainings[key]?.path != path { state.trainings[key]?.move(to: path, now: now) }
                let wasSilent = state.trainings[key]?.isSilent ?? false
                state.trainings[key]?.take(line, time: time, now: now, isBehind: isBehind)
                if wasSilent || !(state.trainings[key]?.pending.isEmpty ?? true) { hasChanged = true }
            }
        }
        return hasChanged
    }

    /// Whether nothing is left to read, or only ever the line that is being written.
    func isAtEnd(_ log: inout Log) -> Bool {
        if log.unread == 0 { return true }
        guard log.unread <= Self.leastBacklog else { return false }
        log.lastPieces += 1
        return log.lastPieces >= 3
    }

    func isLater(_ path: String, than known: String) -> Bool {
        (LogRank(path: path, nodeRank: 0).attempt ?? 0) > (LogRank(path: known, nodeRank: 0).attempt ?? 0)
    }

    func addLog(_ path: String, to state: inout State) {
        guard state.logs.count < Self.mostLogs else { return }
        state.logs[path] = Log(name: LogRank(path: path, nodeRank: nodeRank))
    }

    func setBehind(_ isBehind: Bool, _ log: Log, in state: inout State) {
        let now = clock()
        for key in state.trainings.keys where key.log == log.name.name {
            state.trainings[key]?.setBehind(isBehind, now: now)
        }
    }

    func makeRoom(in state: inout State) {
        guard state.trainings.count >= Self.mostTrainings,
            let oldest = state.trainings.min(by: { $0.value.touched < $1.value.touched })?.key
        else { return }
        state.trainings[oldest] = nil
        state.metrics.removeValue(forKey: oldest)?.destroy()
    }
}

extension ProgressMoment {
    private static let origin = ContinuousClock.now

    package static var now: ProgressMoment {
        ProgressMoment(
            wall: Double(WallClock.nanoseconds()) / 1e9, steady: (ContinuousClock.now - origin) / .seconds(1))
    }
}
