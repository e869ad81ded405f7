internal import Diagnosis
internal import SystemSupport

extension DeliveryState {
    /// What the reporter should do next.
    enum Action {
        case send(SendPiece)
        case commit(LedgerCommit)
        /// Nothing before this moment, or (`nil`) before something happens.
        case wait(ContinuousClock.Instant?)
        /// All is delivered and stored, and nothing more will come.
        case finished
    }

    /// Every so many calls the queue that has waited longest goes first, so that the last type is served too.
    private static let fairTurn = 8
    /// Envelopes published longer ago count as catching up.
    private static let liveNanoseconds: UInt64 = 5_000_000_000

    mutating func next(now: DeliveryTime) -> Action {
        if let commit = takeCommit(now: now.instant) { return .commit(commit) }
        var soonest: ContinuousClock.Instant?
        if isOpen, !isHolding {
            if let call = takeCall(now: now, soonest: &soonest) { return .send(call) }
            // Looking for a call may have skipped stale envelopes.
            if let commit = takeCommit(now: now.instant) { return .commit(commit) }
        }
        if isFinished(now: now.instant) { return .finished }
        return .wait([soonest, commitTime, announcementTime].compactMap(\.self).min())
    }

    private func isFinished(now: ContinuousClock.Instant) -> Bool {
        guard isFinishing || stopped != nil, underWay == 0, !isCommitting, dirty.isEmpty else { return false }
        // Types that are held will not be sent before the end.
        return !isOpen || isHolding || queues.allSatisfy { $0.value.isEmpty || isHeld($0.key.lane.dataType, now: now) }
    }

    private func isHeld(_ type: DiagnosisDataType, now: ContinuousClock.Instant) -> Bool {
        typeBreakers[type]?.state(now: now) == .open
    }

    /// The next call that may begin now. If there is none, `soonest` is the moment when there may be one.
    private mutating func takeCall(now: DeliveryTime, soonest: inout ContinuousClock.Instant?) -> SendPiece? {
        guard underWay < policy.callsUnderWay, !breaker.probes || underWay == 0 else { return nil }
        if let pause = breaker.pausedUntil, now.instant < pause {
            soonest = pause
            return nil
        }
        while let key = bestKey(now: now, soonest: &soonest) {
            if let call = beginCall(of: key, now: now) { return call }
        }
        return nil
    }

    /// The ready queue that goes next: by priority, and among equals the one that was served least recently.
    private func bestKey(now: DeliveryTime, soonest: inout ContinuousClock.Instant?) -> SendQueue.Key? {
        var best: (key: SendQueue.Key, rank: Int, turn: Int)?
        let isFair = turn % Self.fairTurn == Self.fairTurn - 1
        for (key, queue) in queues where !queue.isUnderWay {
            guard let ready = readyTime(key, queue, now: now) else { continue }
            guard ready <= now.instant else {
                soonest = min(soonest ?? ready, ready)
                continue
            }
            let rank = isFair ? 0 : policy.rank(of: key.lane.dataType)
            if best.map({ (rank, queue.turn) < ($0.rank, $0.turn) }) ?? true { best = (key, rank, queue.turn) }
        }
        return best?.key
    }

    /// When a queue may be sent from; `nil` if something must happen first.
    private func readyTime(
        _ key: SendQueue.Key, _ queue: SendQueue, now: DeliveryTime
    ) -> ContinuousClock.Instant? {
        guard let first = queue.pieces.first, var ready = queue.readyTime(policy: policy, phase: flushPhase) else {
            return nil
        }
        if let slot = queue.awaitedSlot, slotOwners.isAwaited(slot) { return nil }
        let stored = ledgers[key.lane]?.storedVersion ?? 0
        guard stored > 0, stored >= queue.heldVersion, !unstorable.contains(key.lane) else { return nil }
        let type = key.lane.dataType
        // Without room the batch can't grow, and samples are sent one by one.
        if isFinishing || roomless.contains(key.lane) || policy.sampleSlots[type] != nil { ready = first.arrival }
        // What tells of a hang never waits for other nodes, and at the end nothing does.
        if let heldAtStart, !isFinishing, policy.rank(of: type) >= 0 { ready = max(ready, heldAtStart) }
        if let held = typeBreakers[type]?.heldUntil {
            if now.instant < held {
                if isFinishing { return nil }
                ready = max(ready, held)
            } else if underWayByType[type, default: 0] > 0 {
                return nil
            }
        }
        if let catchUp, let entry = first.batch.entries.first, Self.isOld(entry, now: now) {
            ready = max(ready, catchUp.readyTime(now: now.instant))
        }
        return ready
    }

    /// Begins a call of a ready queue; `nil` if nothing of what it would have carried is to be sent, or not yet.
    private mutating func beginCall(of key: SendQueue.Key, now: DeliveryTime) -> SendPiece? {
        guard var queue = queues.removeValue(forKey: key) else { return nil }
        defer { queues[key] = queue }
        let type = key.lane.dataType
        let slotLength = policy.sampleSlots[type]
        let isSingle = queue.alone > 0 || typeBreakers[type]?.heldUntil != nil || slotLength != nil
        let limit = isSingle ? 1 : policy.batchCount
        guard var piece = queue.dequeue(limit: limit, bytes: policy.batchBytes) else { return nil }
        skipOutsideWindow(&piece, from: &queue, now: now)
        guard !piece.batch.isEmpty else { return nil }
        if let slotLength {
            guard maySend(piece, of: &queue, slotLength: slotLength, now: now) else { return nil }
        }
        catchUp?.spend(Self.oldBytes(of: piece.batch, now: now), now: now.instant)
        turn += 1
        underWay += 1
        underWayByType[type, default: 0] += 1
        queue.turn = turn
        queue.isUnderWay = true
        piece.failuresAtStart = breaker.failures
        return piece
    }

    /// Skips what is too old, from the future, or stands for lines that were left out, at the front of a piece, and puts back what follows the first good ones if there is more.
    private mutating func skipOutsideWindow(
        _ piece: inout SendPiece, from queue: inout SendQueue, now: DeliveryTime
    ) {
        let type = piece.key.lane.dataType
        let bounds = policy.window.bounds(for: type, now: now.seconds)
        guard bounds.canExclude || piece.batch.hasShed else { return }
        func fate(of entry: EnvelopeBatch.Entry) -> Fate? {
            if entry.isShed { return .shed }
            return switch bounds.violation(of: entry.collectionTime) {
            case .tooOld: .stale
            case .tooFarAhead: .future
            case nil: nil
            }
        }
        while let first = piece.batch.entries.first, let skipped = fate(of: first) {
            let count = piece.batch.entries.prefix { fate(of: $0) == skipped }.count
            queue.alone = max(0, queue.alone - count)
            news.skip(
                count, of: type, rule: skipped.reason,
                reason: skipped == .future ? Self.futureReason(first, now: now) : nil)
            let head = piece.takeFirst(count)
            if policy.sampleSlots[type] != nil { withdrawUnsent(head) }
            settle(head, as: skipped, now: now)
        }
        let start = piece.batch.entries.startIndex
        if let bad = piece.batch.entries.firstIndex(where: { fate(of: $0) != nil }) {
            let head = piece.takeFirst(bad - start)
            queue.prepend(piece)
            piece = head
        }
    }

    /// What an operator should look at.
    private static func futureReason(_ entry: EnvelopeBatch.Entry, now: DeliveryTime) -> String {
        "its timestamp is \(entry.collectionTime), and it is \(now.seconds) here: "
            + "is it in seconds, and is the clock right?"
    }

    /// Records the fate of a whole piece, and frees its room.
    mutating func settle(_ piece: SendPiece, as fate: Fate, now: DeliveryTime) {
        let lane = piece.batch.lane
        _ = change(lane) { $0.finish(piece.batch, first: piece.batch.count, as: fate, time: now.seconds) }
        cost -= piece.cost
        let rest = costByLane[lane, default: 0] - piece.cost
        costByLane[lane] = rest > 0 ? rest : nil
    }

    private static func isOld(_ entry: EnvelopeBatch.Entry, now: DeliveryTime) -> Bool {
        entry.publishTime < now.nanoseconds && now.nanoseconds - entry.publishTime > liveNanoseconds
    }

    /// Envelopes were published in their order, so the old ones are at the front.
    private static func oldBytes(of batch: EnvelopeBatch, now: DeliveryTime) -> Int {
        batch.prefix(batch.entries.prefix { isOld($0, now: now) }.count).byteCount
    }
}
