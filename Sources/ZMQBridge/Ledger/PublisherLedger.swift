internal import Diagnosis
internal import Journal

/// What a publisher remembers beside its journal: how long each lane's runs were, what is lost, and who reads by name how far.
/// A small JSON file, `ledger.json`, saved each second when it has changed.
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

    mutating func note(_ position: LanePosition, lane: String) {
        lanes[lane, default: Lane()].history.note(position)
    }

    /// Takes in what the journal says that it has lost.
    mutating func note(_ losses: [JournalLoss]) {
        for loss in losses {
            note(LanePosition(epoch: loss.epoch, sequence: loss.last), lane: loss.lane)
            let reason: StreamGap.Reason = loss.reason == .evicted ? .evicted : .corrupt
            lanes[loss.lane, default: Lane()].losses.note(
                EpochRange(epoch: loss.epoch, first: loss.first, last: loss.last), reason)
        }
    }

    mutating func noteVolatile(_ range: EpochRange, lane: String) {
        lanes[lane, default: Lane()].losses.note(range, .volatile)
    }

    /// Takes in what a journal has that was opened just now.
    mutating func note(_ journal: Journal) {
        for lane in journal.lanes {
            for end in journal.ends(of: lane.name) { note(LanePosition(end), lane: lane.name) }
            if let newest = lane.newest { note(LanePosition(newest), lane: lane.name) }
        }
        note(journal.recovery.losses)
        for name in lanes.keys { reconcile(name, with: journal.lane(name)) }
    }

    /// Enters what earlier runs had, the journal no longer has, and no ledger was written about: a kill came before.
    private mutating func reconcile(_ name: String, with journaled: JournalLane?) {
        guard let history = lanes[name]?.history, let end = history.newest else { return }
        let first = journaled?.first.map { LanePosition(epoch: $0.epoch, sequence: $0.sequence - 1) } ?? end
        let evicted = history.ranges(after: nil, through: first)
        // The journal's end was cut off.
        let cut = journaled?.newest.map { history.ranges(after: LanePosition($0), through: end) } ?? []
        for range in evicted { lanes[name]?.losses.note(range, .evicted) }
        for range in cut where journaled?.first != nil { lanes[name]?.losses.note(range, .corrupt) }
    }

    func count(_ lane: String, after start: LanePosition?, through end: LanePosition) -> UInt64 {
        lanes[lane]?.history.count(after: start, through: end) ?? 0
    }

    /// What is gone after one place and up to another, in pieces of one reason each, in order.
    ///
    /// - Parameter retained: the oldest place that the journal still has. What went before it and is not recorded was evicted.
    func gaps(
        in lane: Diagnosis.Lane, after start: LanePosition, through end: LanePosition, retained: LanePosition?
    ) -> [StreamGap] {
        guard let known = lanes[lane.dataType.rawValue] else { return [] }
        var gaps: [StreamGap] = []
        var after = start
        for range in known.history.ranges(after: start, through: end) {
            let isBefore = retained.map { LanePosition(epoch: range.epoch, sequence: range.last) < $0 } ?? true
            for loss in known.losses.explain(range, fallback: isBefore ? .evicted : .missing) {
                let through = LanePosition(epoch: range.epoch, sequence: loss.range.last)
                gaps.append(
                    StreamGap(lane: lane, after: after, through: through, count: loss.range.count, reason: loss.reason))
                after = through
            }
        }
        return gaps
    }

    // MARK: consumers

    /// By how much a consumer may know more of an earlier run than the publisher, which was killed before it saved its ledger.
    private static let mostUnknown: UInt64 = 10_000

    /// Takes a consumer's account. What it has had of earlier runs, there was.
    ///
    /// - Returns: why not, if it can't be taken.
    mutating func take(_ account: ConsumerAccount, epoch: UInt64, now: Int64) -> String? {
        let name = account.consumer
        guard 1...256 ~= name.utf8.count, name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else {
            return "the consumer's name must be 1 to 256 bytes without control characters"
        }
        guard account.lanes.count <= 1024, account.state.count <= 64 else {
            return "the account has too many lanes or words of state"
        }
        guard consumers[name] != nil || consumers.count < Self.mostConsumers else {
            return "there are \(Self.mostConsumers) named consumers already; 'forget' those that are no more"
        }
        for lane in account.lanes {
            if let refusal = refusal(of: lane, epoch: epoch) { return refusal }
        }
        for lane in account.lanes where lane.through.epoch < epoch && lanes[lane.dataType.rawValue] != nil {
            guard lane.through.sequence <= (end(of: lane) ?? 0) + Self.mostUnknown else { continue }
            note(lane.through, lane: lane.dataType.rawValue)
        }
        consumers[name] = Consumer(account: account, heard: now)
        return nil
    }

    /// A cursor behind which nothing ever was would make every account wrong.
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

    /// How long the run was in which a cursor stands, as far as is known.
    private func end(of account: ConsumerAccount.Lane) -> UInt64? {
        lanes[account.dataType.rawValue]?.history.ends.first { $0.epoch == account.through.epoch }?.sequence
    }

    mutating func forget(_ name: String) -> Bool {
        consumers.removeValue(forKey: name) != nil
    }

    /// Up to where every named consumer is finished with a lane; `nil` if one has not begun, or nobody reads by name.
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
