/// Whether a training is silent, and what is told of it.
extension LogProgress {
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

    var sign: Double { max(lastRead ?? startedAt, otherRead ?? 0, pauseEnded) }

    var usualLimit: Double { max(Double(settings.silentFactor) * longInterval, settings.silentFloor) }

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
    mutating func tell(_ kind: ProgressChange.Kind, isFirst: Bool = false) {
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

    var state: ProgressState {
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
    func liveWall(_ now: ProgressMoment) -> Double {
        (lastTime ?? now.wall) + (now.steady - (lastRead ?? now.steady))
    }
}
