internal import Diagnosis
internal import SystemSupport

extension DeliveryState {
    /// The longest pause at the end, when the shutdown's deadline is near.
    static var longestPauseAtEnd: Duration { .milliseconds(500) }

    /// Records the outcome of a call. What the master did not take goes back to the front.
    mutating func complete(_ call: SendPiece, _ outcome: ReportOutcome, now: DeliveryTime) -> CallEffect {
        let type = call.key.lane.dataType
        var effect = CallEffect()
        var piece = call
        var settled = 0
        underWay -= 1
        underWayByType[type, default: 1] -= 1

        rejectedRecords &+= outcome.rejectedRecords
        let accepted = min(max(0, outcome.accepted), piece.batch.count)
        if accepted > 0 {
            settled = accepted
            if settleDone(of: &piece, accepted, outcome, now: now) {
                effect.released = typeBreakers[type]?.accept() ?? false
                deliveredAt = now.seconds
                breaker.succeed()
            }
        }
        if let failure = outcome.failure {
            recordError(failure.error, now: now)
            settled += settleSample(&piece, failure.error, now: now)
            if failure.error.isRetriable {
                pause(
                    failuresAtStart: accepted > 0 ? breaker.failures : call.failuresAtStart,
                    atLeast: failure.error.retryAfter, now: now)
            } else if failure.error.code != .refused {
                // The master of another job, or a closed client: no further call can succeed.
                if !hasEnded { stopped = stopped ?? failure.error }
            } else {
                if !failure.error.isLocal { breaker.succeed() }
                if failure.error.rule == .poisoned || failure.concernsAll, !piece.batch.isEmpty {
                    effect.poisoned = failure.error.rule == .poisoned
                    // Everything that the call carried: the master has it, or never will.
                    let refused = piece.takeFirst(min(max(1, failure.count), piece.batch.count))
                    settled += refused.batch.count
                    refuse(refused, failure.error, effect: &effect, now: now)
                } else if piece.batch.count > 1, failure.count > 1 {
                    queues[call.key]?.alone = failure.count + settled
                } else if !piece.batch.isEmpty {
                    refuse(piece.takeFirst(1), failure.error, effect: &effect, now: now)
                    settled += 1
                }
            }
        } else if !piece.batch.isEmpty {
            // Not all was accepted and no reason was given: tried again like any failure.
            let silence = ReportError(code: .unavailable, message: "no reason was given", isAmbiguous: true)
            settled += settleSample(&piece, silence, now: now)
            pause(failuresAtStart: call.failuresAtStart, now: now)
        }
        if settled > 0 { keepSlot(of: call) }
        putBack(piece, of: call.key, settled: settled)
        needsAnnouncement = true
        return effect
    }

    /// Records the fates of the first `count`, and frees the slots of those that were not sent.
    ///
    /// - Returns: whether the master has taken any.
    private mutating func settleDone(
        of piece: inout SendPiece, _ count: Int, _ outcome: ReportOutcome, now: DeliveryTime
    ) -> Bool {
        let lane = piece.batch.lane
        var done = 0
        var delivered = 0
        for skip in outcome.skipped where (done..<count).contains(skip.index) {
            if skip.index > done {
                settle(piece.takeFirst(skip.index - done), as: .delivered, now: now)
                delivered += skip.index - done
            }
            let skipped = piece.takeFirst(1)
            withdraw(skipped)
            news.skip(1, of: lane.dataType, rule: skip.rule, reason: skip.reason)
            settle(skipped, as: .skipped(skip.rule), now: now)
            done = skip.index + 1
        }
        if count > done {
            settle(piece.takeFirst(count - done), as: .delivered, now: now)
            delivered += count - done
        }
        _ = change(lane) { $0.recordChanges(outcome.changed) }
        return delivered > 0
    }

    /// What a failed call means for a sample that must not be sent twice: lost if the master may have it, else its slot is free again.
    ///
    /// - Returns: how many were settled.
    private mutating func settleSample(_ piece: inout SendPiece, _ error: ReportError, now: DeliveryTime) -> Int {
        guard policy.sampleSlots[piece.batch.lane.dataType] != nil, !piece.batch.isEmpty else { return 0 }
        if error.isAmbiguous {
            settle(piece.takeFirst(1), as: .ambiguous, now: now)
            return 1
        }
        // One that the master refused keeps its slot: a poisoned master stores what it refuses.
        if error.code != .refused || error.isLocal { withdraw(piece) }
        return 0
    }

    /// - Parameter piece: one envelope, or more if they share a refusal that another try can't change.
    private mutating func refuse(
        _ piece: SendPiece, _ error: ReportError, effect: inout CallEffect, now: DeliveryTime
    ) {
        let lane = piece.batch.lane
        for index in 0..<piece.batch.count {
            deadLetters[lane, default: []].append(
                DeadLetter(
                    batch: piece.batch.dropFirst(index).prefix(1), reason: SecretText.hidden(in: error.message),
                    time: now.seconds))
        }
        settle(piece, as: .skipped(error.rule.rawValue), now: now)
        effect.refused = true
        // What was not sent says nothing about what the master takes.
        guard !error.isLocal else { return }
        var breaker = typeBreakers[lane.dataType] ?? TypeBreaker(policy: policy)
        effect.heldFor = breaker.refuse(isFinal: error.rule == .poisoned, now: now.instant)
        typeBreakers[lane.dataType] = breaker
    }

    /// Ends the call at its queue, which continues once what was settled is stored.
    private mutating func putBack(_ rest: SendPiece, of key: SendQueue.Key, settled: Int) {
        guard var queue = queues.removeValue(forKey: key) else { return }
        queue.isUnderWay = false
        if !rest.batch.isEmpty { queue.prepend(rest) }
        if settled > 0 {
            queue.alone = max(0, queue.alone - settled)
            queue.heldVersion = ledgers[key.lane]?.version ?? 0
        }
        queues[key] = queue
    }

    private mutating func pause(failuresAtStart: Int, atLeast: Duration? = nil, now: DeliveryTime) {
        breaker.fail(
            failuresAtStart: failuresAtStart, wanted: atLeast, longestPause: isFinishing ? Self.longestPauseAtEnd : nil,
            now: now.instant)
    }

    private mutating func recordError(_ error: ReportError, now: DeliveryTime) {
        // A call that ends because we end is no error of the master's.
        // What a master or a proxy says may be a secret, and this goes into the ledger's file.
        if !hasEnded { lastError = (SecretText.hidden(in: error.message), now.seconds) }
    }
}
