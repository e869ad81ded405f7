internal import Diagnosis
internal import Hang
internal import Logging
internal import Synchronization

/// Judges trainings from time to time: which stand still, and which are slower than the others.
extension ProgressWatch {
    /// Looks for trainings that stand still or are slower than the others, and sets the self-metrics.
    ///
    /// - Returns: what is to be told.
    package func judgeTrainings() -> [ProgressChange] {
        let now = clock()
        judgeAges(now: now)
        var silent: [ProgressSnapshot] = []
        let changes = state.withLock { state -> [ProgressChange] in
            compareRanks(in: &state)
            for key in state.trainings.keys {
                guard var training = state.trainings[key] else { continue }
                let isNew = training.judgeSilence(now: now)
                let pending = training.takePending()
                let snapshot = training.snapshot(profiles: table.profiles, now: now)
                state.trainings[key] = training
                state.metrics[key]?.set(snapshot, wall: now.wall)
                if isNew { silent.append(snapshot) }
                // What is learned from a backlog is no news.
                guard !training.isBehind, !training.isOld, !training.isFromBacklog || isNew else { continue }
                for kind in pending where state.changes.count < Self.mostChanges {
                    state.changes.append(ProgressChange(kind: kind, snapshot: snapshot, time: Int64(now.wall)))
                }
            }
            defer { state.changes = [] }
            return state.changes
        }
        tell(silent, at: now)
        return changes.sorted {
            ($0.snapshot.rank ?? -1, $0.snapshot.path) < ($1.snapshot.rank ?? -1, $1.snapshot.path)
        }
    }

    /// A training that was only read from a backlog, in a file that nobody has written since long, is one of an earlier day.
    func judgeAges(now: ProgressMoment) {
        let unknown = state.withLock { $0.trainings.filter { $0.value.needsAge } }
        // A look at a file may block.
        let times = unknown.mapValues { modified($0.path) }
        guard !times.isEmpty else { return }
        state.withLock { state in
            for (key, modified) in times { state.trainings[key]?.setAge(modified.map { now.wall - $0 }, now: now) }
        }
    }

    func tell(_ silent: [ProgressSnapshot], at now: ProgressMoment) {
        guard !silent.isEmpty else { return }
        let observer = suspicions.withLock { $0 }
        for snapshot in silent {
            let text = ProgressText.sentence(.silent, snapshot)
            logger.warning("arobust alarm: \(text)", metadata: ["path": "\(snapshot.path)"])
            observer?.suspect(HangSuspicion(.noProgress, rank: snapshot.rank, text: text, time: Int64(now.wall)))
        }
    }

    /// A rank whose steps take a quarter longer than those of most others. Where all wait for each other, all are equally slow.
    func compareRanks(in state: inout State) {
        let running = state.trainings.filter { $0.value.isRunning && $0.value.change.recentMedian != nil }
        for key in state.trainings.keys where running[key] == nil { state.trainings[key]?.compare(with: nil) }
        let medians = running.mapValues { $0.change.recentMedian ?? 0 }
        for (key, own) in medians {
            let others = medians.filter { $0.key != key }.map(\.value)
            guard others.count >= 2, let usual = StepSamples.median(of: others), usual > 0 else {
                state.trainings[key]?.compare(with: nil)
                continue
            }
            let distance = StepSamples.deviation(of: others, around: usual)
            let wasSlow = running[key]?.othersSeconds != nil
            let factor = wasSlow ? StepChange.backFactor : StepChange.factor
            let isSlow = own > usual * factor && (wasSlow || own - usual > 3 * distance)
            state.trainings[key]?.compare(with: isSlow ? usual : nil)
        }
    }

    /// How long until a training could be silent; `nil`: none can.
    package func timeToDeadline() -> Duration? {
        let now = clock()
        return state.withLock { state in
            state.trainings.values.compactMap { $0.deadline(now: now) }.min().map { .seconds(max(0, $0 - now.steady)) }
        }
    }

    /// Whether there are any trainings.
    package var hasTrainings: Bool { state.withLock { !$0.trainings.isEmpty } }

    /// How all trainings go, by rank and path.
    package var snapshots: [ProgressSnapshot] {
        let now = clock()
        return state.withLock { state in
            state.trainings.values.map { $0.snapshot(profiles: table.profiles, now: now) }
        }.sorted { ($0.rank ?? .max, $0.path) < ($1.rank ?? .max, $1.path) }
    }
}
