internal import Diagnosis
internal import Journal

/// What a publisher remembers beside its journal: how long each lane's runs were, what is lost, and how far each named consumer is.
/// A small JSON file, `ledger.json`, saved every second if it has changed.
struct PublisherLedger: Hashable, Codable {
    struct Lane: Hashable, Codable {
        var history = LaneHistory()
        var losses = LaneLosses()
    }

    struct Consumer: Hashable, Codable {
        var account: ConsumerAccount
        /// Seconds since 1970.
        var heard: Int64
    }

    static let mostConsumers = 64

    /// How the journal is kept, for whoever looks when no publisher runs.
    struct Keeping: Hashable, Codable {
        var totalBytes: Int
        var isPowerLoss: Bool
    }

    var keeping: Keeping?
    private(set) var lanes: [String: Lane] = [:]
    private(set) var consumers: [String: Consumer] = [:]

    // MARK: lanes

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

    // MARK: consumers

    /// How many more envelopes of an earlier run a consumer may know of than a publisher that was killed before it saved its ledger.
    private static let mostUnknown: UInt64 = 10_000

    /// Replaces a consumer's account. What it says it has had of earlier runs counts as published.
    ///
    /// - Parameter now: seconds since 1970.
    /// - Returns: why the account is refused; `nil` if it is not.
    mutating func recordAccount(_ account: ConsumerAccount, epoch: UInt64, now: Int64) -> String? {
        let name = account.consumer
        guard 1...256 ~= name.utf8.count, name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else {
            return "the consumer's name must be 1 to 256 bytes without control characters"
        }
        guard account.lanes.count <= 1024, account.state.count <= 64 else {
            return "the account has too many lanes or words of state"
        }
        guard consumers[name] != nil || consumers.count < Self.mostConsumers else {
            return "there are \(Self.mostConsumers) named consumers already; 'forget' those that no longer exist"
        }
        for lane in account.lanes {
            if let refusal = refusal(of: lane, epoch: epoch) { return refusal }
        }
        for lane in account.lanes where lane.through.epoch < epoch && lanes[lane.dataType.rawValue] != nil {
            guard lane.through.sequence <= (end(of: lane) ?? 0) + Self.mostUnknown else { continue }
            extend(lane: lane.dataType.rawValue, to: lane.through)
        }
        consumers[name] = Consumer(account: account, heard: now)
        return nil
    }

    /// Why a cursor is refused: one beyond everything that was ever published would make every account wrong.
    private func refusal(of account: ConsumerAccount.Lane, epoch: UInt64) -> String? {
        let through = account.through
        let isPast = through.epoch < epoch
        // Of a run that is no longer known, nothing can be said.
        if isPast, end(of: account) == nil { return nil }
        let known = end(of: account) ?? 0
        guard through.sequence > known + (isPast ? Self.mostUnknown : 0) else { return nil }
        return "the cursor \(through) in \(account.dataType) is beyond what was published there, which ended at "
            + "\(LanePosition(epoch: through.epoch, sequence: known))"
    }

    /// How long the run of a cursor was, as far as is known.
    private func end(of account: ConsumerAccount.Lane) -> UInt64? {
        lanes[account.dataType.rawValue]?.history.ends.first { $0.epoch == account.through.epoch }?.sequence
    }

    /// Forgets a consumer; answers whether there was one.
    mutating func forget(_ name: String) -> Bool {
        consumers.removeValue(forKey: name) != nil
    }

    /// Up to where every named consumer has finished a lane; `nil` if one has not begun, or if there is none.
    func finished(_ lane: String) -> LanePosition? {
        var least: LanePosition?
        for consumer in consumers.values {
            guard let through = consumer.account.lanes.first(where: { $0.dataType.rawValue == lane })?.through else {
                return nil
            }
            least = least.map { min($0, through) } ?? through
        }
        return least
    }
}
