/// What a line of a step adds: which counter it is of, how long the step took, and whether the training began again.
extension LogProgress {
    mutating func takeStep(_ found: ProgressLines.Found, written: Double?, now: ProgressMoment) {
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
    func mayBeMain(_ found: ProgressLines.Found) -> Bool {
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

    static func isComplete(_ reading: ProgressReading) -> Bool {
        guard let step = reading.step, let total = reading.total, total > 0 else { return false }
        // Some count from zero.
        return step >= total - 1
    }

    mutating func recordFirst(_ found: ProgressLines.Found, written: Double?, now: ProgressMoment) {
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

    mutating func advance(
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
    mutating func learn(interval seconds: Double) {
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

    mutating func goBack(
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

    mutating func startSpan(_ found: ProgressLines.Found, _ written: Double?) {
        spanStart = written.map { ($0, found.counts.last ?? 0) }
    }

    mutating func measure(_ found: ProgressLines.Found, isSameEpoch: Bool, written: Double?) {
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

    mutating func record(_ seconds: Double) {
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
}
