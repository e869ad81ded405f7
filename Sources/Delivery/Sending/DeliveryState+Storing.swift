internal import Diagnosis

extension DeliveryState {
    /// What has changed, if it may be stored now. One commit at a time.
    mutating func takeCommit(now: ContinuousClock.Instant) -> LedgerCommit? {
        guard !isCommitting, !dirty.isEmpty else { return nil }
        let mayRetry = storageRetry.map { $0 <= now } ?? true
        let lanes = mayRetry || unstorable.isEmpty ? dirty : dirty.subtracting(unstorable)
        guard !lanes.isEmpty else { return nil }
        dirty.subtract(lanes)
        isCommitting = true
        var commit = LedgerCommit()
        for lane in lanes {
            commit.lanes[lane] = ledgers[lane]?.commit
            commit.deadLetters[lane] = deadLetters[lane]
        }
        return commit
    }

    /// When what could not be stored is tried again.
    var commitTime: ContinuousClock.Instant? {
        isCommitting || unstorable.isEmpty ? nil : storageRetry
    }

    /// Takes in what came of a commit. Lanes that could not be stored are held and tried again after a pause.
    ///
    /// - Returns: whether lanes that could not be stored are stored now.
    mutating func committed(_ commit: LedgerCommit, _ result: CommitResult, now: DeliveryTime) -> Bool {
        let wasFailing = !unstorable.isEmpty
        isCommitting = false
        for lane in result.lettersWritten {
            deadLetters[lane]?.removeFirst(commit.deadLetters[lane]?.count ?? 0)
            if deadLetters[lane]?.isEmpty == true { deadLetters[lane] = nil }
        }
        for (lane, part) in commit.lanes {
            if result.failed.contains(lane) {
                dirty.insert(lane)
                unstorable.insert(lane)
            } else {
                ledgers[lane]?.committed(part)
                unstorable.remove(lane)
            }
        }
        if !result.failed.isEmpty {
            storageFailures += 1
            let pause = policy.backoff.delay(failures: storageFailures, using: &generator)
            storageRetry = now.instant + (isFinishing ? min(pause, Self.longestPauseAtEnd) : pause)
            lastError = (result.error ?? "The ledger could not be written.", now.seconds)
        } else if unstorable.isEmpty {
            storageFailures = 0
            storageRetry = nil
        }
        needsAnnouncement = true
        forgetEmptyQueues()
        return wasFailing && unstorable.isEmpty
    }

    /// Nodes come and go; a queue that holds nothing is made anew when it is needed.
    private mutating func forgetEmptyQueues() {
        for (key, queue) in queues where queue.isEmpty && !queue.isUnderWay {
            guard queue.heldVersion <= ledgers[key.lane]?.storedVersion ?? 0 else { continue }
            queues[key] = nil
        }
    }
}
