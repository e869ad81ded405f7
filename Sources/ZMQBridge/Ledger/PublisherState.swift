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

    init(id: PublisherID, epoch: UInt64, journal: Journal, ledger: PublisherLedger) {
        self.id = id
        self.epoch = epoch
        self.journal = journal
        var ledger = ledger
        ledger.reconcile(with: journal)
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

    func withLedger<Result>(_ body: (inout PublisherLedger) -> Result) -> Result {
        ledger.withLock { body(&$0) }
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
    func status(now: Int64 = WallClock.seconds()) throws(JournalError) -> PublisherStatus {
        let ledger = withLedger { $0 }
        var consumers: [PublisherStatus.Consumer] = []
        for (_, consumer) in ledger.consumers.sorted(by: { $0.key < $1.key }) {
            var lanes: [PublisherStatus.ConsumerLane] = []
            for lane in consumer.account.lanes { lanes.append(try standing(of: lane, ledger)) }
            consumers.append(
                PublisherStatus.Consumer(account: consumer.account, heard: consumer.heard, lanes: lanes))
        }
        return PublisherStatus(
            publisher: "\(id)", epoch: epoch, time: now, journal: journalStatus,
            lanes: ledger.lanes.sorted { $0.key < $1.key }.compactMap { laneStatus($0.key, $0.value) },
            losses: losses(ledger), consumers: consumers, faults: faults)
    }

    private var journalStatus: PublisherStatus.Journal {
        let configuration = journal.configuration
        return PublisherStatus.Journal(
            directory: journal.directory, bytes: journal.bytes, totalBytes: configuration.totalBytes,
            durability: configuration.durability == .powerLoss ? "power-loss" : "process-crash",
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

    private func laneStatus(_ name: String, _ lane: PublisherLedger.Lane) -> PublisherStatus.Lane? {
        guard let last = lane.history.newest else { return nil }
        let journaled = journal.lane(name)
        return PublisherStatus.Lane(
            dataType: DiagnosisDataType(rawValue: name), first: journaled?.first, last: last,
            produced: lane.history.total, retained: journaled?.count ?? 0, bytes: journaled?.bytes ?? 0,
            oldestTime: journaled?.times?.lowerBound, newestTime: journaled?.times?.upperBound)
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

    /// A consumer's account of a lane compared with what the publisher has.
    private func standing(
        of account: ConsumerAccount.Lane, _ ledger: PublisherLedger
    ) throws(JournalError) -> PublisherStatus.ConsumerLane {
        let name = account.dataType.rawValue
        guard let last = ledger.lanes[name]?.history.newest else {
            return PublisherStatus.ConsumerLane(
                dataType: account.dataType, produced: 0, pending: 0, pendingBytes: 0, pendingSince: nil, unnoticed: [:])
        }
        let cursor = account.through
        let after = ledger.count(name, after: cursor, through: last)
        var retained = try journal.count(lane: name, after: cursor)
        // What was published since the ledger was looked at.
        let newer = try journal.count(lane: name, after: max(cursor, last))
        retained.count -= newer.count
        retained.bytes -= newer.bytes
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
        let oldest = try pendingSince(name, cursor: cursor)
        return PublisherStatus.ConsumerLane(
            dataType: account.dataType,
            produced: ledger.count(name, after: account.origin ?? LanePosition(epoch: 0, sequence: 0), through: last),
            pending: pending,
            pendingBytes: retained.bytes, pendingSince: pending > 0 ? oldest : nil, unnoticed: unnoticed)
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
    /// Keeping the journal where the next run finds it.
    case journalFolder

    /// What an operator reads.
    func sentence(_ reason: String) -> String {
        switch self {
        case .journal: "the journal can't be written: \(reason)"
        case .sync: "the journal can't be synced to its disk: \(reason)"
        case .ledger: "the publisher's ledger can't be saved: \(reason)"
        case .sockets: "other programs no longer find the publisher: \(reason)"
        case .journalFolder: "what is published now is gone after the next start: \(reason)"
        }
    }
}
