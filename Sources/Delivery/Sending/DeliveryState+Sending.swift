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
        let stored = ledgers[key.lane]?.storedVersion ?? 0
        guard stored > 0, stored >= queue.heldVersion, !unstorable.contains(key.lane) else { return nil }
        // What has no room to grow is as full as it gets.
        if isFinishing || roomless.contains(key.lane) { ready = first.arrival }
        let type = key.lane.dataType
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

    /// Begins a call of a ready queue; `nil` if all that it would have carried is stale.
    private mutating func take(_ key: SendQueue.Key, now: DeliveryTime) -> SendCall? {
        guard var queue = queues.removeValue(forKey: key) else { return nil }
        defer { queues[key] = queue }
        let type = key.lane.dataType
        let limit = queue.alone > 0 || typeBreakers[type]?.heldUntil != nil ? 1 : policy.batchCount
        guard var piece = queue.take(limit: limit, bytes: policy.batchBytes) else { return nil }
        if let timeToLive = policy.timeToLive(of: type) {
            passStale(of: &piece, from: &queue, timeToLive: timeToLive / .seconds(1), now: now)
            guard !piece.batch.isEmpty else { return nil }
        }
        catchUp?.take(Self.oldBytes(of: piece.batch, now: now), now: now.instant)
        turn += 1
        underWay += 1
        underWayByType[type, default: 0] += 1
        queue.turn = turn
        queue.isUnderWay = true
        return SendCall(key: key, piece: piece, failuresAtStart: breaker.failures)
    }

    /// Passes the stale ones at the front of a piece, and puts back what follows the first fresh ones if there are more stale ones.
    private mutating func passStale(
        of piece: inout SendPiece, from queue: inout SendQueue, timeToLive: Double, now: DeliveryTime
    ) {
        let seconds = Double(now.nanoseconds) / 1_000_000_000
        func isStale(_ entry: EnvelopeBatch.Entry) -> Bool { seconds - Double(entry.collectionTime) > timeToLive }
        let stale = piece.batch.entries.prefix(while: isStale).count
        if stale > 0 {
            queue.alone = max(0, queue.alone - stale)
            news.stale[piece.batch.lane.dataType, default: 0] += UInt64(stale)
            settle(piece.takeFirst(stale), as: .stale, now: now)
        }
        let fresh = piece.batch.entries.firstIndex(where: isStale).map { $0 - piece.batch.entries.startIndex }
        if let fresh {
            let head = piece.takeFirst(fresh)
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
