internal import Diagnosis

extension DeliveryState {
    /// What the reporter should do next.
    enum Action {
        case send(SendCall)
        case commit(LedgerCommit)
        /// Nothing before this moment, or before something happens (`nil`).
        case wait(ContinuousClock.Instant?)
        /// All is delivered and stored, and nothing more will come.
        case finished
    }

    /// Every so many calls, whoever waits longest goes first, so that the last type gets its turn too.
    private static let fairTurn = 8
    /// What was published longer ago is being caught up with.
    private static let liveNanoseconds: UInt64 = 5_000_000_000

    mutating func next(now: DeliveryTime) -> Action {
        if let commit = takeCommit(now: now.instant) { return .commit(commit) }
        var soonest: ContinuousClock.Instant?
        if isOpen {
            if let call = takeCall(now: now, soonest: &soonest) { return .send(call) }
            // Stale ones may have been passed.
            if let commit = takeCommit(now: now.instant) { return .commit(commit) }
        }
        if isFinished(now: now.instant) { return .finished }
        return .wait([soonest, commitTime, announcementTime].compactMap(\.self).min())
    }

    private func isFinished(now: ContinuousClock.Instant) -> Bool {
        guard isFinishing || stopped != nil, underWay == 0, !isCommitting, dirty.isEmpty else { return false }
        // Types that are held will not go before the end.
        return !isOpen || queues.allSatisfy { $0.value.isEmpty || isHeld($0.key.lane.dataType, now: now) }
    }

    private func isHeld(_ type: DiagnosisDataType, now: ContinuousClock.Instant) -> Bool {
        typeBreakers[type]?.state(now: now) == .open
    }

    /// The next call that may begin now. If there is none, `soonest` is the moment when there may be one.
    private mutating func takeCall(now: DeliveryTime, soonest: inout ContinuousClock.Instant?) -> SendCall? {
        guard underWay < policy.callsUnderWay, !breaker.probes || underWay == 0 else { return nil }
        if let pause = breaker.pausedUntil, now.instant < pause {
            soonest = pause
            return nil
        }
        while let key = bestKey(now: now, soonest: &soonest) {
            if let call = take(key, now: now) { return call }
        }
        return nil
    }

    /// The ready queue whose turn it is: by priority, and among equals the one that was served least recently.
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
        guard let first = queue.pieces.first, var ready = queue.readyTime(policy: policy) else { return nil }
        if let slot = queue.awaitedSlot, slots.isAwaited(slot) { return nil }
        let stored = ledgers[key.lane]?.storedVersion ?? 0
        guard stored > 0, stored >= queue.heldVersion, !unstorable.contains(key.lane) else { return nil }
        let type = key.lane.dataType
        // What has no room to grow is as full as it gets, and samples go one by one.
        if isFinishing || roomless.contains(key.lane) || policy.sampleSlots[type] != nil { ready = first.arrival }
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
    private mutating func take(_ key: SendQueue.Key, now: DeliveryTime) -> SendCall? {
        guard var queue = queues.removeValue(forKey: key) else { return nil }
        defer { queues[key] = queue }
        let type = key.lane.dataType
        let slotLength = policy.sampleSlots[type]
        let isSingle = queue.alone > 0 || typeBreakers[type]?.heldUntil != nil || slotLength != nil
        let limit = isSingle ? 1 : policy.batchCount
        guard var piece = queue.take(limit: limit, bytes: policy.batchBytes) else { return nil }
        let window = TimeWindow(policy, type: type, now: now)
        pass(outside: window, of: &piece, from: &queue, now: now)
        guard !piece.batch.isEmpty else { return nil }
        if let slotLength {
            guard maySend(piece, of: &queue, slotLength: slotLength, now: now) else { return nil }
        }
        catchUp?.take(Self.oldBytes(of: piece.batch, now: now), now: now.instant)
        turn += 1
        underWay += 1
        underWayByType[type, default: 0] += 1
        queue.turn = turn
        queue.isUnderWay = true
        return SendCall(key: key, piece: piece, failuresAtStart: breaker.failures)
    }

    /// Passes what is too old or not yet to be at the front of a piece, and puts back what follows the first good ones if there is more.
    private mutating func pass(
        outside window: TimeWindow, of piece: inout SendPiece, from queue: inout SendQueue, now: DeliveryTime
    ) {
        guard window.isBounded else { return }
        while let first = piece.batch.entries.first, let fate = window.fate(of: first) {
            let count = piece.batch.entries.prefix { window.fate(of: $0) == fate }.count
            queue.alone = max(0, queue.alone - count)
            news.skip(count, of: piece.batch.lane.dataType, rule: fate.reason, reason: window.reason(of: first))
            let passed = piece.takeFirst(count)
            if policy.sampleSlots[passed.batch.lane.dataType] != nil { withdrawUnsent(passed) }
            settle(passed, as: fate, now: now)
        }
        let start = piece.batch.entries.startIndex
        if let bad = piece.batch.entries.firstIndex(where: { window.fate(of: $0) != nil }) {
            let head = piece.takeFirst(bad - start)
            queue.prepend(piece)
            piece = head
        }
    }

    /// Enters the fate of all of a piece, and gives its room back.
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
