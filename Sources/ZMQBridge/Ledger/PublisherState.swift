internal import Diagnosis
internal import Journal
internal import Synchronization
internal import SystemSupport

/// What is known of a publisher's envelopes: its identity, its journal, and its ledger. May be used from any thread.
final class PublisherState: Sendable {
    let id: PublisherID
    let epoch: UInt64
    let journal: Journal
    private let ledger: Mutex<PublisherLedger>
    private let standing = Mutex<[PublisherProblem: String]>([:])
    private let refused = Mutex(RefusedAccounts())
    private let paces = Mutex(ConsumerPaces())
    private let listening = Mutex<[String]?>(nil)

    init(id: PublisherID, epoch: UInt64, journal: Journal, ledger: PublisherLedger) {
        self.id = id
        self.epoch = epoch
        self.journal = journal
        var ledger = ledger
        ledger.reconcile(with: journal)
        ledger.dropFalseAccounts()
        self.ledger = Mutex(ledger)
    }

    /// What keeps the publisher from a part of its work now, and why.
    var problems: [PublisherProblem: String] { standing.withLock { $0 } }

    /// Records why a part of the work can't be done now; `nil`: it can.
    ///
    /// - Returns: whether that part could until now and can't any more, or the other way round.
    @discardableResult
    func record(_ problem: PublisherProblem, _ reason: String?) -> Bool {
        standing.withLock { standing in
            defer { standing[problem] = reason }
            return (standing[problem] == nil) != (reason == nil)
        }
    }

    /// Records where DLRover's own clients may call, for the status.
    func recordListening(at addresses: [String]) {
        listening.withLock { $0 = addresses.isEmpty ? nil : addresses }
    }

    func withLedger<Result>(_ body: (inout PublisherLedger) -> Result) -> Result {
        ledger.withLock { body(&$0) }
    }

    /// Replaces a consumer's account, or refuses it, which the status tells for a while: `PublisherLedger.recordAccount`.
    ///
    /// - Parameters:
    ///   - now: seconds since 1970.
    ///   - heard: when the account was given, if not now.
    func recordAccount(
        _ account: ConsumerAccount, epoch: UInt64, now: Int64, heard: Int64? = nil, places: ConsumerPlaces
    ) -> String? {
        let (refusal, isKnown) = withLedger { ledger in
            let refusal = ledger.recordAccount(account, epoch: epoch, now: heard ?? now, places: places)
            if refusal == nil { recordPace(of: account, ledger, now: now) }
            return (refusal, ledger.consumers[account.consumer] != nil)
        }
        let name = account.consumer
        guard let refusal else {
            refused.withLock { $0.remove(name) }
            return nil
        }
        guard PublisherLedger.refusal(ofName: name) == nil else { return refusal }
        let isMaster = places.masters.contains(ConsumerName(name))
        refused.withLock {
            $0.record(
                .init(consumer: name, reason: refusal, time: now, isMaster: isMaster),
                isExpected: isMaster || isKnown || account.isOfReporter)
        }
        return refusal
    }

    private func recordPace(of account: ConsumerAccount, _ ledger: PublisherLedger, now: Int64) {
        paces.withLock { paces in
            // Counting is for once in a while.
            guard paces.wantsMark(of: account.consumer, now: now) else { return }
            paces.record(ledger.mark(of: account), of: account.consumer, now: now)
        }
    }

    /// Forgets a consumer; answers whether there was one.
    func forget(_ name: String) -> Bool {
        refused.withLock { $0.remove(name) }
        paces.withLock { $0.forget(name) }
        return withLedger { $0.forget(name) }
    }

    func lane(_ dataType: DiagnosisDataType) -> Lane {
        Lane(publisher: id, dataType: dataType)
    }

    /// The oldest position that the journal has of a lane.
    func first(_ dataType: DiagnosisDataType) -> LanePosition? {
        journal.lane(dataType.rawValue)?.first
    }

    /// The newest position of each lane, as of the last `recordNewest`.
    var newest: [DiagnosisDataType: LanePosition] {
        withLedger { ledger in
            ledger.lanes.reduce(into: [:]) { newest, lane in
                newest[DiagnosisDataType(rawValue: lane.key)] = lane.value.history.newest
            }
        }
    }

    /// Records how far the lanes are.
    func recordNewest(_ newest: [DiagnosisDataType: LanePosition]) {
        withLedger { ledger in
            for (dataType, position) in newest { ledger.extend(lane: dataType.rawValue, to: position) }
        }
    }
}

extension PublisherState {
    /// What `status` answers. Reads headers in the journal, which takes milliseconds: not for a hot path.
    ///
    /// - Parameter publishedBytes: of the lanes' envelopes in this run, if there is one.
    func status(
        now: Int64 = WallClock.seconds(), publishedBytes: [DiagnosisDataType: UInt64]? = nil
    ) throws(JournalError) -> PublisherStatus {
        let ledger = withLedger { $0 }
        let paces = paces.withLock { paces in
            paces.keep(Set(ledger.consumers.sorted.map(\.account.consumer)))
            return paces
        }
        var consumers: [PublisherStatus.Consumer] = []
        var found: [RetainedKey: Retained] = [:]
        for consumer in ledger.consumers.sorted {
            var lanes: [PublisherStatus.ConsumerLane] = []
            for lane in consumer.account.lanes { lanes.append(try standing(of: lane, ledger, &found)) }
            consumers.append(
                PublisherStatus.Consumer(
                    account: consumer.account, heard: consumer.heard, lanes: lanes,
                    pace: paces.pace(
                        of: consumer.account.consumer, now: ledger.mark(of: consumer.account), at: now,
                        pending: lanes.reduce(0) { $0 &+ $1.pending })))
        }
        return PublisherStatus(
            publisher: "\(id)", epoch: epoch, time: now, journal: journalStatus,
            lanes: ledger.lanes.sorted { $0.key < $1.key }.compactMap {
                laneStatus($0.key, $0.value, publishedBytes)
            },
            losses: losses(ledger), consumers: consumers, faults: faults,
            refused: refused.withLock { $0.current(now: now) }, listening: listening.withLock { $0 })
    }

    private var journalStatus: PublisherStatus.Journal {
        PublisherStatus.Journal(
            directory: journal.directory, bytes: journal.bytes, totalBytes: journal.limits.totalBytes,
            durability: journal.configuration.durability == .powerLoss ? "power-loss" : "process-crash",
            problem: problems[.journal])
    }

    /// The problems as sentences, but for that of the journal, which is told with it.
    private var faults: [String]? {
        let problems = problems
        let sentences = PublisherProblem.allCases.filter { $0 != .journal }.compactMap { problem in
            problems[problem].map(problem.sentence)
        }
        return sentences.isEmpty ? nil : sentences
    }

    private func laneStatus(
        _ name: String, _ lane: PublisherLedger.Lane, _ publishedBytes: [DiagnosisDataType: UInt64]?
    ) -> PublisherStatus.Lane? {
        guard let last = lane.history.newest else { return nil }
        let journaled = journal.lane(name)
        return PublisherStatus.Lane(
            dataType: DiagnosisDataType(rawValue: name), first: journaled?.first, last: last,
            produced: lane.history.total, retained: journaled?.count ?? 0, bytes: journaled?.bytes ?? 0,
            oldestTime: journaled?.times?.lowerBound, newestTime: journaled?.times?.upperBound,
            publishedBytes: publishedBytes.map { $0[DiagnosisDataType(rawValue: name)] ?? 0 })
    }

    private func losses(_ ledger: PublisherLedger) -> [PublisherStatus.Loss] {
        ledger.lanes.sorted { $0.key < $1.key }.flatMap { name, lane in
            lane.losses.losses.map {
                PublisherStatus.Loss(
                    dataType: DiagnosisDataType(rawValue: name), epoch: $0.range.epoch, first: $0.range.first,
                    last: $0.range.last, reason: $0.reason)
            }
        }
    }

    /// Where a consumer is in a lane. Many are at the same place.
    private struct RetainedKey: Hashable {
        var lane: String
        var cursor: LanePosition
    }

    /// What the journal has after a place in a lane, up to what the ledger knows of.
    private struct Retained {
        var count: UInt64
        var bytes: Int
        /// The collection time of the oldest.
        var since: Int64?
    }

    private func retained(_ lane: String, after cursor: LanePosition, through last: LanePosition)
        throws(JournalError) -> Retained
    {
        // What was published since the ledger was looked at. It is counted first: what comes between the two is then too much, which the ledger
        // bounds, and never too little, which would look like a loss. What is evicted between them may make the second the smaller one.
        let newer = try journal.count(lane: lane, after: max(cursor, last))
        let all = try journal.count(lane: lane, after: cursor)
        return Retained(
            count: all.count - min(all.count, newer.count), bytes: max(0, all.bytes - newer.bytes),
            since: try pendingSince(lane, cursor: cursor))
    }

    /// A consumer's account of a lane compared with what the publisher has.
    private func standing(
        of account: ConsumerAccount.Lane, _ ledger: PublisherLedger, _ found: inout [RetainedKey: Retained]
    ) throws(JournalError) -> PublisherStatus.ConsumerLane {
        let name = account.dataType.rawValue
        guard let last = ledger.lanes[name]?.history.newest else {
            return PublisherStatus.ConsumerLane(
                dataType: account.dataType, produced: 0, pending: 0, pendingBytes: 0, pendingSince: nil, unnoticed: [:])
        }
        let cursor = account.through
        let after = ledger.count(name, after: cursor, through: last)
        let key = RetainedKey(lane: name, cursor: cursor)
        if found[key] == nil { found[key] = try retained(name, after: cursor, through: last) }
        let retained = found[key] ?? Retained(count: 0, bytes: 0)
        // What is finished ahead of the cursor is retained, or, of late, evicted.
        let open = after > account.ahead ? after - account.ahead : 0
        let pending = min(open, retained.count > account.ahead ? retained.count - account.ahead : 0)
        var unnoticed: [String: UInt64] = [:]
        var gone = open - pending
        if gone > 0 {
            // First what went before the first that is retained, then the holes after it.
            let first = first(account.dataType)
            let before = first?.predecessor ?? last
            for gap in ledger.gaps(in: lane(account.dataType), after: cursor, through: before, retained: first) {
                let count = min(gone, gap.count)
                unnoticed[gap.reason.rawValue, default: 0] += count
                gone -= count
            }
            for (reason, count) in missing(name, after: max(cursor, before), through: last, ledger) where gone > 0 {
                unnoticed[reason.rawValue, default: 0] += min(gone, count)
                gone -= min(gone, count)
            }
            if gone > 0 { unnoticed[StreamGap.Reason.missing.rawValue, default: 0] += gone }
        }
        let produced = ledger.count(name, after: account.origin ?? LanePosition(epoch: 0, sequence: 0), through: last)
        return PublisherStatus.ConsumerLane(
            dataType: account.dataType, produced: produced &+ ledger.unknown(in: account), pending: pending,
            pendingBytes: retained.bytes, pendingSince: pending > 0 ? retained.since : nil, unnoticed: unnoticed)
    }

    /// The recorded losses in a range, by reason.
    private func missing(
        _ lane: String, after start: LanePosition, through end: LanePosition, _ ledger: PublisherLedger
    ) -> [(StreamGap.Reason, UInt64)] {
        guard let known = ledger.lanes[lane], start < end else { return [] }
        return known.history.ranges(after: start, through: end).flatMap { range in
            known.losses.losses.compactMap { loss in
                loss.range.intersection(range).map { (loss.reason, $0.count) }
            }
        }
    }

    private func pendingSince(_ lane: String, cursor: LanePosition) throws(JournalError) -> Int64? {
        let reader = journal.reader(lane: lane, after: cursor)
        while let item = try reader.next() {
            if case .record(let record) = item { return record.earliest }
        }
        return nil
    }
}

/// A part of a publisher's work that can fail while the rest goes on.
enum PublisherProblem: CaseIterable {
    /// Writing the journal.
    case journal
    /// Syncing it, and evicting what is old.
    case sync
    /// Saving the ledger.
    case ledger
    /// Being found by other programs.
    case sockets

    /// What an operator reads.
    func sentence(_ reason: String) -> String {
        switch self {
        case .journal: "the journal can't be written: \(reason)"
        case .sync: "the journal can't be synced to its disk: \(reason)"
        case .ledger: "the publisher's ledger can't be saved: \(reason)"
        case .sockets: "other programs no longer find the publisher: \(reason)"
        }
    }
}
