internal import Diagnosis
internal import SystemSupport

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
            let problem = result.error ?? "The ledger could not be written."
            storageProblem = problem
            lastError = (problem, now.seconds)
        } else if unstorable.isEmpty {
            storageProblem = nil
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

extension DeliveryState {
    /// In characters: a publisher takes texts of up to 2 KiB.
    private static let longestProblem = 500
    private static let announcementPause: Duration = .milliseconds(100)

    /// What the store has, for each publisher, and the state of the master.
    func accounts(consumer: String, now: DeliveryTime) -> [PublisherID: ConsumerAccount] {
        let state = states(now: now)
        var accounts = ledgers.compactMapValues(\.stored).accounts(consumer: consumer, state: state)
        guard storageProblem != nil else { return accounts }
        // A publisher must hear of the problem also if nothing of its lanes could ever be stored.
        for publisher in Set(ledgers.keys.map(\.publisher)) where accounts[publisher] == nil {
            accounts[publisher] = ConsumerAccount(consumer: consumer, state: state)
        }
        return accounts
    }

    /// The accounts, if they have changed and none were told within the last 100 ms.
    ///
    /// - Parameter isLast: tells them in any case.
    mutating func takeAnnouncement(
        consumer: String, isLast: Bool = false, now: DeliveryTime
    ) -> [PublisherID: ConsumerAccount]? {
        guard isLast || announcementTime.map({ $0 <= now.instant }) ?? false else { return nil }
        needsAnnouncement = false
        nextAnnouncement = now.instant + Self.announcementPause
        return accounts(consumer: consumer, now: now)
    }

    /// When changed accounts are to be told.
    var announcementTime: ContinuousClock.Instant? {
        needsAnnouncement ? nextAnnouncement : nil
    }

    /// How many envelopes each lane holds in memory: waiting or under way. More may wait in the journal.
    var held: [Lane: Int] {
        var held: [Lane: Int] = [:]
        for (key, queue) in queues { held[key.lane, default: 0] += queue.count }
        return held
    }

    /// A publisher takes 2 KiB for each entry of the state. A master's error, or the names of all held types, may be longer.
    private static func shortened(_ text: String) -> String {
        text.utf8.count <= 2000 ? text : String(decoding: text.utf8.prefix(2000), as: UTF8.self) + "…"
    }

    private func states(now: DeliveryTime) -> [String: String] {
        var states: [ConsumerStateKey: String] = [
            .breaker: breaker.state(now: now.instant).rawValue, .startedAt: TimeText.write(startedAt),
        ]
        if rejectedRecords > 0 { states[.rejectedRecords] = "\(rejectedRecords)" }
        if let deliveredAt { states[.deliveredAt] = TimeText.write(deliveredAt) }
        if let lastError {
            states[.lastError] = lastError.message
            states[.lastErrorTime] = TimeText.write(lastError.time)
        }
        let heldTypes = typeBreakers.filter { $0.value.heldUntil != nil }.keys.map(\.rawValue).sorted()
        if !heldTypes.isEmpty { states[.heldTypes] = heldTypes.joined(separator: ",") }
        if let storageProblem {
            states[.storage] = "failing"
            states[.storageProblem] = String(storageProblem.prefix(Self.longestProblem))
        }
        if let stopped { states[.stopped] = stopped.message }
        return states.reduce(into: [:]) { $0[$1.key.rawValue] = Self.shortened($1.value) }
    }
}

/// The keys of `ConsumerAccount.state` that a master's reporter writes. A status puts the breaker and the last error into sentences, and
/// shows everything else under its own name.
package enum ConsumerStateKey: String {
    /// `closed`, `open` or `half-open`.
    case breaker
    case lastError = "last_error"
    /// A UTC time (RFC 3339); other consumers may give seconds since 1970.
    case lastErrorTime = "last_error_time"
    case startedAt = "started_at"
    case deliveredAt = "delivered_at"
    /// How many records the master has rejected of reports that it took, since this run began.
    case rejectedRecords = "rejected_records"
    /// Data types that the master keeps refusing, with commas between.
    case heldTypes = "held_types"
    /// `failing` while the ledger can't be written.
    case storage
    /// Why it can't.
    case storageProblem = "storage_problem"
    /// Why nothing more is sent in this run.
    case stopped
}
