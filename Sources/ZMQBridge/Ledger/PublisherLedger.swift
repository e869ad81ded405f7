internal import Diagnosis
internal import Journal

/// What a publisher remembers beside its journal: how long each lane's runs were, what is lost, and how far each named consumer is.
/// A small JSON file, `ledger.json`, saved every second if it has changed.
struct PublisherLedger: Hashable, Codable, VersionedFile {
    struct Lane: Hashable, Codable {
        var history = LaneHistory()
        var losses = LaneLosses()
    }

    /// How the journal is kept, for whoever looks when no publisher runs.
    struct Keeping: Hashable, Codable {
        var totalBytes: Int
        var isPowerLoss: Bool
    }

    static let newestVersion = 1

    private enum CodingKeys: String, CodingKey {
        case version, keeping, lanes, consumers, runs
    }

    /// Of the file's form; a file without it is of version 1.
    private(set) var version: Int? = newestVersion
    var keeping: Keeping?
    private(set) var lanes: [String: Lane] = [:]
    /// Changed by the extension with the consumers' accounts only.
    var consumers = ConsumerTable()
    /// `nil` until a run begins, where earlier runs are not recorded.
    private(set) var runs: RunRecord?

    /// - Parameter isFirstRun: whether no publisher has ever run in the directory.
    init(isFirstRun: Bool = true) {
        runs = isFirstRun ? RunRecord() : nil
    }

    // MARK: lanes

    /// Begins a publisher's run, with what is known of the one before.
    mutating func begin(_ epoch: UInt64, after end: RunEnd) {
        noteEnd(end)
        var runs = runs ?? RunRecord(knownSince: epoch - 1)
        runs.begin(epoch, boot: end.boot)
        self.runs = runs
        version = Self.newestVersion
    }

    /// Enters whether the last run's end is known, for whoever looks while no publisher runs.
    mutating func noteEnd(_ end: RunEnd) {
        runs?.note(end)
    }

    /// The run has ended in order: all that it published is recorded.
    mutating func endRun() {
        runs?.end()
    }

    /// Records that a lane has come at least this far.
    mutating func extend(lane: String, to position: LanePosition) {
        lanes[lane, default: Lane()].history.extend(to: position)
    }

    /// Records what the journal has lost.
    mutating func recordLosses(_ losses: [JournalLoss]) {
        for loss in losses {
            extend(lane: loss.lane, to: loss.range.end)
            let reason: StreamGap.Reason = loss.reason == .evicted ? .evicted : .corrupt
            lanes[loss.lane, default: Lane()].losses.recordLoss(of: loss.range, reason)
        }
    }

    /// Records what was published without being journaled.
    mutating func recordVolatile(_ range: SequenceRange, lane: String) {
        lanes[lane, default: Lane()].losses.recordLoss(of: range, .volatile)
    }

    /// Brings the ledger up to date with a journal that was just opened.
    mutating func reconcile(with journal: Journal) {
        for lane in journal.lanes {
            for end in journal.ends(of: lane.name) { extend(lane: lane.name, to: end) }
            if let newest = lane.newest { extend(lane: lane.name, to: newest) }
        }
        recordLosses(journal.recovery.losses)
        for name in lanes.keys { reconcile(name, with: journal.lane(name)) }
    }

    /// Records as lost what earlier runs had and the journal no longer has, though no ledger says so: a kill came before it was saved.
    private mutating func reconcile(_ name: String, with journaled: JournalLane?) {
        guard let history = lanes[name]?.history, let end = history.newest else { return }
        let evicted = history.ranges(after: nil, through: journaled?.first?.predecessor ?? end)
        // The journal's end was cut off.
        let cut = journaled?.newest.map { history.ranges(after: $0, through: end) } ?? []
        for range in evicted { lanes[name]?.losses.recordLoss(of: range, .evicted) }
        for range in cut where journaled?.first != nil { lanes[name]?.losses.recordLoss(of: range, .corrupt) }
    }

    func count(_ lane: String, after start: LanePosition?, through end: LanePosition) -> UInt64 {
        lanes[lane]?.history.count(after: start, through: end) ?? 0
    }

    /// What is gone after one position and up to another: ranges with one reason each, in order.
    ///
    /// - Parameter retained: the oldest position that the journal still has. What lies before it and is not recorded was evicted.
    func gaps(
        in lane: Diagnosis.Lane, after start: LanePosition, through end: LanePosition, retained: LanePosition?
    ) -> [StreamGap] {
        guard let known = lanes[lane.dataType.rawValue] else { return [] }
        var gaps: [StreamGap] = []
        var after = start
        for range in known.history.ranges(after: start, through: end) {
            let isBefore = retained.map { range.end < $0 } ?? true
            for loss in known.losses.explain(range, fallback: isBefore ? .evicted : .missing) {
                let through = loss.range.end
                gaps.append(
                    StreamGap(lane: lane, after: after, through: through, count: loss.range.count, reason: loss.reason))
                after = through
            }
        }
        return gaps
    }
}
