internal import Diagnosis

extension DeliveryState {
    /// At the end nobody waits long: the shutdown's deadline is near.
    static var longestPauseAtEnd: Duration { .milliseconds(500) }

    /// Takes in what came of a call. What the master did not take for now goes back to the front.
    mutating func complete(_ call: SendCall, _ outcome: ReportOutcome, now: DeliveryTime) -> CallEffect {
        let type = call.key.lane.dataType
        var effect = CallEffect()
        var piece = call.piece
        var settled = 0
        underWay -= 1
        underWayByType[type, default: 1] -= 1

        let accepted = min(max(0, outcome.accepted), piece.batch.count)
        if accepted > 0 {
            settle(piece.takeFirst(accepted), as: .delivered, now: now)
            settled = accepted
            effect.released = typeBreakers[type]?.accept() ?? false
            deliveredAt = now.seconds
            breaker.succeed()
        }
        if let failure = outcome.failure {
            noteError(failure.error, now: now)
            if failure.error.isRetriable {
                pause(failuresAtStart: accepted > 0 ? breaker.failures : call.failuresAtStart, now: now)
            } else if failure.error.code != .refused {
                // Another job's master, or a closed client: no call can succeed any more.
                if !hasEnded { stopped = stopped ?? failure.error }
            } else {
                breaker.succeed()
                if piece.batch.count > 1, failure.count > 1 {
                    queues[call.key]?.alone = failure.count + settled
                } else if !piece.batch.isEmpty {
                    refuse(piece.takeFirst(1), failure.error, effect: &effect, now: now)
                    settled += 1
                }
            }
        } else if piece.batch.isEmpty {
            breaker.succeed()
        } else {
            // Not all accepted, and no word of why: it is tried again like any failure.
            pause(failuresAtStart: call.failuresAtStart, now: now)
        }
        putBack(piece, of: call.key, settled: settled)
        needsAnnouncement = true
        return effect
    }

    private mutating func refuse(
        _ piece: SendPiece, _ error: ReportError, effect: inout CallEffect, now: DeliveryTime
    ) {
        let lane = piece.batch.lane
        deadLetters[lane, default: []].append(
            DeadLetter(batch: piece.batch, reason: error.message, time: now.seconds))
        settle(piece, as: .refused, now: now)
        effect.refused = true
        var breaker = typeBreakers[lane.dataType] ?? TypeBreaker(policy: policy)
        effect.heldFor = breaker.refuse(now: now.instant)
        typeBreakers[lane.dataType] = breaker
    }

    /// Ends the call at its queue, which goes on when what was settled is stored.
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

    private mutating func pause(failuresAtStart: Int, now: DeliveryTime) {
        breaker.fail(
            failuresAtStart: failuresAtStart, longestPause: isFinishing ? Self.longestPauseAtEnd : nil,
            now: now.instant)
    }

    private mutating func noteError(_ error: ReportError, now: DeliveryTime) {
        // What ends because we end is no error of the master.
        if !hasEnded { lastError = (error.message, now.seconds) }
    }
}
