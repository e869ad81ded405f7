/// The state machine of one log, or of one rank of a log that has several: what its lines of progress add up to.
///
/// Two clocks: how long steps take is learned from the times that the lines give, and only where they give none, from when they were read.
/// Silence is judged by when they were read, and not before the collector has read the log to its end.
struct LogProgress: Sendable {
    /// The last line of one counter.
    struct Counter {
        var counts: [Double]
        var advances = 0
        var reading: ProgressReading
        var isWithinEpoch: Bool
    }

    enum Pause {
        case evaluation
        case checkpoint
    }

    /// After so many lines of steps the time between them is known.
    static let enoughIntervals = 3
    /// Of a log that counts many things, such as bars of downloads.
    static let mostCounters = 16
    /// Times of whole seconds are too coarse for a single quick step.
    static let coarseSpan = 5.0
    static let fineSpan = 0.2

    let settings: ProgressSettings
    var path: String
    let rank: Int?
    var profile: Int?
    var counters: [Int: Counter] = [:]
    /// Which counter is the training's.
    var main: Int?
    var pause: Pause?
    /// When it began, on the steady clock.
    var pauseBegan = 0.0
    var pauseEnded = 0.0
    /// Whether there was one since the last line of a step.
    var wasPaused = false
    var isFinished = false
    var isStarting = false
    var startedAt = 0.0
    /// Lines of steps since the last start.
    var sinceStart = 0
    /// Between two lines of steps, in seconds: for silence.
    var intervals = StepSamples()
    var usualInterval: Double?
    var longInterval = 0.0
    var addedIntervals = 0
    /// How many in a row were too long to be learned.
    var leftOut = 0
    /// A step each, in seconds.
    var change = StepChange()
    var goodput = Goodput()
    /// When the last line of a step was written, and from which on step times are measured.
    var lastTime: Double?
    var spanStart: (time: Double, step: Double)?
    /// When it was read, on the steady clock.
    var lastRead: Double?
    /// When another counter went on.
    var otherRead: Double?
    var throughput: (value: Double, unit: String?)?
    var loss: Double?
    var checkpointTime: Double?
    var restarts = 0
    /// Whether the collector is behind, so that nothing can be said of silence.
    var isBehind = false
    /// Whether all steps were read from a backlog: then the file's own time tells whether this is a training of today.
    var isFromBacklog = true
    /// Whether the log lies there from an earlier day: silent only after it has gone on.
    var isOld = false
    var isAgeKnown = false
    var silentSince: Double?
    /// What the other ranks' steps take, while this one is slow against them.
    var othersSeconds: Double?
    var told: ProgressChange.Kind?
    /// When the first step was read that was no backlog, on the steady clock.
    var firstLive: Double?
    /// What happened and was not taken yet.
    var pending: [ProgressChange.Kind] = []
    /// When it was last touched, for the choice of what to forget.
    var touched = 0.0

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

    mutating func begin(_ new: Pause, _ now: ProgressMoment) {
        // Many lines may say so, one a file.
        if pause != new { pauseBegan = now.steady }
        pause = new
        wasPaused = true
    }

    mutating func endPause(_ now: ProgressMoment) {
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

    mutating func begin(_ now: ProgressMoment, _ written: Double?) {
        isStarting = true
        isFinished = false
        pause = nil
        wasPaused = true
        sinceStart = 0
        startedAt = now.steady
        spanStart = nil
        if let written { goodput.begin(at: written) }
    }

    mutating func finish() {
        // Others than the training end, too.
        guard main != nil else { return }
        pause = nil
        isFinished = true
        silentSince = nil
        othersSeconds = nil
        tell(.finished)
    }

    mutating func takeValues(_ reading: ProgressReading) {
        if let value = reading.loss { loss = value }
        if let value = reading.throughput { throughput = (value, reading.throughputUnit) }
    }
}

extension Goodput {
    mutating func forgetSteps(if isNewEpoch: Bool, elseLoseFrom step: Double) {
        if isNewEpoch { forgetSteps() } else { lose(from: step) }
    }
}
