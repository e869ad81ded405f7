/// The state machine of one log, or of one rank of a log that has several: what its lines of progress add up to.
///
/// Two clocks: how long steps take is learned from the times that the lines give, and only where they give none, from when they were read.
/// Silence is judged by when they were read, and not before the collector has read the log to its end.
struct LogProgress: Sendable {
    /// The last line of one counter.
    private struct Counter {
        var counts: [Double]
        var advances = 0
        var reading: ProgressReading
        var isWithinEpoch: Bool
    }

    private enum Pause {
        case evaluation
        case checkpoint
    }

    /// After so many lines of steps the time between them is known.
    static let enoughIntervals = 3
    /// Of a log that counts many things, such as bars of downloads.
    private static let mostCounters = 16
    /// Times of whole seconds are too coarse for a single quick step.
    private static let coarseSpan = 5.0
    private static let fineSpan = 0.2

    private let settings: ProgressSettings
    private(set) var path: String
    let rank: Int?
    private(set) var profile: Int?
    private var counters: [Int: Counter] = [:]
    /// Which counter is the training's.
    private var main: Int?
    private var pause: Pause?
    /// When it began, on the steady clock.
    private var pauseBegan = 0.0
    private var pauseEnded = 0.0
    /// Whether there was one since the last line of a step.
    private var wasPaused = false
    private var isFinished = false
    private var isStarting = false
    private var startedAt = 0.0
    /// Lines of steps since the last start.
    private var sinceStart = 0
    /// Between two lines of steps, in seconds: for silence.
    private var intervals = StepSamples()
    private var usualInterval: Double?
    private var longInterval = 0.0
    private var addedIntervals = 0
    /// How many in a row were too long to be learned.
    private var leftOut = 0
    /// A step each, in seconds.
    private(set) var change = StepChange()
    private var goodput = Goodput()
    /// When the last line of a step was written, and from which on step times are measured.
    private var lastTime: Double?
    private var spanStart: (time: Double, step: Double)?
    /// When it was read, on the steady clock.
    private var lastRead: Double?
    /// When another counter went on.
    private var otherRead: Double?
    private var throughput: (value: Double, unit: String?)?
    private var loss: Double?
    private var checkpointTime: Double?
    private(set) var restarts = 0
    /// Whether the collector is behind, so that nothing can be said of silence.
    private(set) var isBehind = false
    /// Whether all steps were read from a backlog: then the file's own time tells whether this is a training of today.
    private(set) var isFromBacklog = true
    /// Whether the log lies there from an earlier day: silent only after it has gone on.
    private(set) var isOld = false
    private var isAgeKnown = false
    private var silentSince: Double?
    /// What the other ranks' steps take, while this one is slow against them.
    var othersSeconds: Double?
    private var told: ProgressChange.Kind?
    /// When the first step was read that was no backlog, on the steady clock.
    private var firstLive: Double?
    /// What happened and was not taken yet.
    private(set) var pending: [ProgressChange.Kind] = []
    /// When it was last touched, for the choice of what to forget.
    private(set) var touched = 0.0

    init(path: String, rank: Int?, settings: ProgressSettings) {
        self.settings = settings
        self.path = path
        self.rank = rank
    }

    /// Whether it has made steps, or is about to.
    var isTraining: Bool { main != nil || isStarting }
    var isSilent: Bool { silentSince != nil }
    var isSlow: Bool { change.isSlow || othersSeconds != nil }
    /// Whether it makes steps now, so that ranks can be compared.
    var isRunning: Bool { main != nil && !isSilent && !isFinished && pause == nil && !isBehind }

    // MARK: lines

    /// - Parameters:
    ///   - time: the line's own, in seconds since 1970.
    ///   - isBehind: whether the log goes on beyond what was read.
    mutating func take(_ found: ProgressLines.Found, time: Double?, now: ProgressMoment, isBehind: Bool) {
        touched = now.steady
        self.isBehind = isBehind
        let written = time ?? (isBehind ? nil : now.wall)
        switch found.reading.event {
        case .step: takeStep(found, written: written, now: now)
        case .values: takeValues(found.reading)
        case .checkpointBegun: begin(.checkpoint, now)
        case .checkpointDone:
            checkpointTime = written ?? checkpointTime
            // Others of the node may still write theirs; the step that follows ends the pause, too.
            if pause == .checkpoint { endPause(now) }
            wasPaused = true
        case .evaluationBegun: begin(.evaluation, now)
        case .evaluationEnded:
            if pause == .evaluation { endPause(now) }
            wasPaused = true
        case .start: begin(now, written)
        case .finished: finish()
        }
    }

    /// Lines were passed over that may have been its own.
    mutating func skipGap(now: ProgressMoment) {
        if lastRead != nil, !isSilent { lastRead = now.steady }
        wasPaused = true
        spanStart = nil
    }

    /// The collector has read the log to its end, or not.
    mutating func setBehind(_ isBehind: Bool, now: ProgressMoment) {
        guard self.isBehind != isBehind else { return }
        self.isBehind = isBehind
        // From now on silence counts.
        if !isBehind, lastRead != nil { lastRead = now.steady }
    }

    /// Whether somebody must look when the file was last written.
    var needsAge: Bool { isFromBacklog && !isBehind && !isAgeKnown }

    /// - Parameter seconds: since the file was last written; `nil`: nobody knows.
    mutating func setAge(_ seconds: Double?, now: ProgressMoment) {
        isAgeKnown = true
        guard let seconds, let limit = silence(now: now)?.limit else { return }
        isOld = seconds > limit
    }

    private mutating func begin(_ new: Pause, _ now: ProgressMoment) {
        // Many lines may say so, one a file.
        if pause != new { pauseBegan = now.steady }
        pause = new
        wasPaused = true
    }

    private mutating func endPause(_ now: ProgressMoment) {
        pause = nil
        // The next step has its whole time.
        pauseEnded = now.steady
    }

    /// The training goes on in another file, as each attempt under torchrun has its own.
    mutating func move(to path: String, now: ProgressMoment) {
        self.path = path
        begin(now, nil)
        silentSince = nil
    }

    private mutating func begin(_ now: ProgressMoment, _ written: Double?) {
        isStarting = true
        isFinished = false
        pause = nil
        wasPaused = true
        sinceStart = 0
        startedAt = now.steady
        spanStart = nil
        if let written { goodput.begin(at: written) }
    }

    private mutating func finish() {
        // Others than the training end, too.
        guard main != nil else { return }
        pause = nil
        isFinished = true
        silentSince = nil
        othersSeconds = nil
        tell(.finished)
    }

    private mutating func takeValues(_ reading: ProgressReading) {
        if let value = reading.loss { loss = value }
        if let value = reading.throughput { throughput = (value, reading.throughputUnit) }
    }

    private mutating func takeStep(_ found: ProgressLines.Found, written: Double?, now: ProgressMoment) {
        guard var counter = counters[found.counter] else {
            guard counters.count < Self.mostCounters else { return }
            counters[found.counter] = Counter(
                counts: found.counts, reading: found.reading, isWithinEpoch: found.isWithinEpoch)
            if mayBeMain(found) {
                main = found.counter
                profile = found.profile ?? profile
                recordFirst(found, written: written, now: now)
            } else {
                otherRead = now.steady
            }
            return
        }
        let before = counter
        counter.reading = found.reading
        counter.counts = found.counts
        let isAhead = before.counts.lexicographicallyPrecedes(found.counts)
        let isBack = found.counts.lexicographicallyPrecedes(before.counts)
        if isAhead { counter.advances += 1 }
        counters[found.counter] = counter
        if main != found.counter, mayBeMain(found) {
            main = found.counter
            profile = found.profile ?? profile
            return recordFirst(found, written: written, now: now)
        }
        guard main == found.counter else {
            if isAhead { otherRead = now.steady }
            return
        }
        takeValues(found.reading)
        if isAhead {
            advance(before, found, written: written, now: now)
        } else if isBack {
            goBack(before, found, written: written, now: now)
        }
    }

    /// Whether a counter is the training's: the first that has steps, or the next after it is at its end, or has stood still while this one
    /// went on.
    private func mayBeMain(_ found: ProgressLines.Found) -> Bool {
        guard let main, let known = counters[main] else { return true }
        guard main != found.counter else { return false }
        // A profile knows better than the general form, and a step says more than an epoch.
        if profile == nil, found.profile != nil { return true }
        if found.profile == nil, profile != nil { return false }
        if known.reading.step == nil, found.reading.step != nil { return true }
        let advances = counters[found.counter]?.advances ?? 0
        if Self.isComplete(known.reading), known.advances < advances || pause == nil { return true }
        return advances >= 10 && known.advances < advances
    }

    private static func isComplete(_ reading: ProgressReading) -> Bool {
        guard let step = reading.step, let total = reading.total, total > 0 else { return false }
        // Some count from zero.
        return step >= total - 1
    }

    private mutating func recordFirst(_ found: ProgressLines.Found, written: Double?, now: ProgressMoment) {
        takeValues(found.reading)
        lastRead = now.steady
        if !isBehind { isFromBacklog = false }
        lastTime = written
        spanStart = nil
        sinceStart = 1
        isStarting = false
        isFinished = false
        pause = nil
        wasPaused = false
        if let written { goodput.begin(at: written) }
        startSpan(found, written)
    }

    private mutating func advance(
        _ before: Counter, _ found: ProgressLines.Found, written: Double?, now: ProgressMoment
    ) {
        let isSameEpoch = found.counts.count == 1 || found.counts.dropLast() == before.counts.dropLast()
        if !isSameEpoch { goodput.forgetSteps() }
        // Where the step jumps far, this is another attempt that has skipped what a checkpoint had.
        if let written, let last = lastTime, written >= last {
            let seconds = written - last
            let isUsual = !wasPaused && sinceStart > 0
            if isUsual, !found.isAfterGap { learn(interval: seconds) }
            let steps = isSameEpoch ? max(1, (found.counts.last ?? 0) - (before.counts.last ?? 0)) : 1
            let usual = change.usual.map { max($0 * steps, usualInterval ?? 0) }
            // Of a pause only a usual step's time went into the step.
            goodput.add(
                step: found.counts.last ?? 0, seconds: isUsual ? seconds : min(seconds, usual ?? 0), usual: usual,
                at: written)
        }
        measure(found, isSameEpoch: isSameEpoch, written: written)
        lastTime = written ?? lastTime
        lastRead = now.steady
        if !isBehind { (isFromBacklog, isOld) = (false, false) }
        sinceStart += 1
        (isStarting, isFinished, wasPaused, pause) = (false, false, false, nil)
        if !isBehind, firstLive == nil { firstLive = now.steady }
        if silentSince != nil {
            silentSince = nil
            tell(.running)
        } else if told == nil || told == .finished, sinceStart > Self.enoughIntervals, let firstLive,
            now.steady - firstLive >= settings.silentFloor
        {
            // What ends sooner is no training that anybody waits for.
            tell(isSlow ? .slow : .running, isFirst: true)
        }
    }

    /// A stall says nothing of the usual, unless it comes again and again.
    private mutating func learn(interval seconds: Double) {
        guard intervals.count < Self.enoughIntervals || seconds <= usualLimit || leftOut >= 2 else {
            leftOut += 1
            return
        }
        leftOut = 0
        intervals.add(seconds)
        addedIntervals += 1
        // Sorting 512 numbers at each step would be the dearest part of it.
        guard intervals.count < 64 || addedIntervals % 16 == 0 else { return }
        usualInterval = intervals.median
        longInterval = intervals.percentile99 ?? 0
    }

    private mutating func goBack(
        _ before: Counter, _ found: ProgressLines.Found, written: Double?, now: ProgressMoment
    ) {
        let isNewEpoch = before.isWithinEpoch || Self.isComplete(before.reading) && !isStarting
        goodput.forgetSteps(if: isNewEpoch, elseLoseFrom: found.counts.last ?? 0)
        lastTime = written ?? lastTime
        lastRead = now.steady
        if !isBehind { (isFromBacklog, isOld) = (false, false) }
        spanStart = nil
        startSpan(found, written)
        (isFinished, wasPaused, pause) = (false, false, nil)
        silentSince = nil
        isStarting = false
        guard !isNewEpoch else { return }
        restarts += 1
        sinceStart = 1
        change.forget()
        othersSeconds = nil
        tell(.restarted)
    }

    // MARK: times of steps

    private mutating func startSpan(_ found: ProgressLines.Found, _ written: Double?) {
        spanStart = written.map { ($0, found.counts.last ?? 0) }
    }

    private mutating func measure(_ found: ProgressLines.Found, isSameEpoch: Bool, written: Double?) {
        if let own = found.reading.stepSeconds { return record(own) }
        guard let written else { return }
        guard let start = spanStart, isSameEpoch, !wasPaused else { return startSpan(found, written) }
        let seconds = written - start.time
        let steps = (found.counts.last ?? 0) - start.step
        let isCoarse = written == written.rounded() && start.time == start.time.rounded()
        guard seconds >= (isCoarse ? Self.coarseSpan : Self.fineSpan), steps > 0 else {
            if seconds < 0 || steps <= 0 { startSpan(found, written) }
            return
        }
        startSpan(found, written)
        record(seconds / steps)
    }

    private mutating func record(_ seconds: Double) {
        // The first steps after a start compile, and fill caches.
        guard sinceStart > 1 else { return }
        let wasSlow = change.isSlow
        guard change.add(seconds), change.isSlow != wasSlow else { return }
        tell(change.isSlow ? .slow : .running)
    }

    /// Compares this rank with the others of the node; `nil`: it is not slower.
    mutating func compare(with others: Double?) {
        guard (others == nil) != (othersSeconds == nil) else {
            othersSeconds = others
            return
        }
        othersSeconds = others
        if !change.isSlow { tell(others == nil ? .running : .slow) }
    }

    // MARK: silence

    /// How long it has given no sign, and how long it may; `nil`: it need not give any.
    func silence(now: ProgressMoment) -> (seconds: Double, limit: Double)? {
        guard isTraining, !isFinished, !isBehind, !isOld else { return nil }
        if let main, let reading = counters[main]?.reading, Self.isComplete(reading), pause == nil {
            // With epochs, the next one follows; otherwise this was the last step.
            guard reading.epoch != nil else { return nil }
            return (now.steady - sign, max(settings.pause, usualLimit))
        }
        if pause != nil { return (now.steady - max(pauseBegan, otherRead ?? 0), max(settings.pause, usualLimit)) }
        if sinceStart <= 1 || intervals.count < Self.enoughIntervals {
            return (now.steady - max(sign, isStarting ? startedAt : 0), max(settings.firstStep, usualLimit))
        }
        // A bar of an evaluation that goes on is a pause that nobody has announced.
        if let otherRead, otherRead > (lastRead ?? 0) {
            return (now.steady - otherRead, max(settings.pause, usualLimit))
        }
        return (now.steady - sign, usualLimit)
    }

    private var sign: Double { max(lastRead ?? startedAt, otherRead ?? 0, pauseEnded) }

    private var usualLimit: Double { max(Double(settings.silentFactor) * longInterval, settings.silentFloor) }

    /// When it is silent if nothing comes, on the steady clock; `nil`: it can't become so.
    func deadline(now: ProgressMoment) -> Double? {
        guard !isSilent, let silence = silence(now: now) else { return nil }
        return now.steady - silence.seconds + silence.limit
    }

    /// - Returns: whether it has just become silent.
    mutating func judgeSilence(now: ProgressMoment) -> Bool {
        guard silentSince == nil, let silence = silence(now: now), silence.seconds > silence.limit else {
            return false
        }
        silentSince = now.steady
        tell(.silent, isFirst: true)
        return true
    }

    // MARK: telling

    /// - Parameter isFirst: whether it may be the first that is told of this training.
    private mutating func tell(_ kind: ProgressChange.Kind, isFirst: Bool = false) {
        guard told != nil || isFirst else { return }
        told = kind
        // A restart is told besides what follows from it; of the others the last counts.
        pending.removeAll { $0 != .restarted || $0 == kind }
        pending.append(kind)
    }

    mutating func takePending() -> [ProgressChange.Kind] {
        defer { pending = [] }
        return pending
    }

    private var state: ProgressState {
        if isFinished { return .finished }
        if isSilent { return .silent }
        switch pause {
        case .evaluation: return .evaluating
        case .checkpoint: return .checkpointing
        case nil: break
        }
        if main == nil || isStarting { return .starting }
        return isSlow ? .slow : .running
    }

    func snapshot(profiles: [ProgressProfile], now: ProgressMoment) -> ProgressSnapshot {
        let reading = main.flatMap { counters[$0]?.reading }
        let silence = silence(now: now)
        return ProgressSnapshot(
            path: path, rank: rank, state: state, profile: profile.map { profiles[$0].name }, step: reading?.step,
            total: reading?.total, epoch: reading?.epoch, stepSeconds: change.recentMedian ?? change.median,
            usualStepSeconds: change.slowAgainst ?? othersSeconds,
            lastStepTime: lastTime ?? lastRead.map { now.wall - (now.steady - $0) },
            silence: lastRead.map { now.steady - $0 }, silenceLimit: silence?.limit, loss: loss,
            throughput: throughput?.value, throughputUnit: throughput?.unit,
            goodput: goodput.ratio(now: isFinished || isBehind || isOld ? nil : lastTime.map { _ in liveWall(now) }),
            lostSeconds: goodput.lost, restarts: restarts, checkpointTime: checkpointTime)
    }

    /// The time of the log's own clock now: lines may give times of another zone.
    private func liveWall(_ now: ProgressMoment) -> Double {
        (lastTime ?? now.wall) + (now.steady - (lastRead ?? now.steady))
    }
}

extension Goodput {
    fileprivate mutating func forgetSteps(if isNewEpoch: Bool, elseLoseFrom step: Double) {
        if isNewEpoch { forgetSteps() } else { lose(from: step) }
    }
}
