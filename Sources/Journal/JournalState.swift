internal import Diagnosis

/// What the journal knows, as a value. Readers look at it, the writer changes it, nobody does I/O with it locked.
struct JournalState: Sendable {
    /// How much is kept. May change while the journal is open.
    var limits = JournalLimits()
    var lanes: [String: LaneState] = [:]
    var sources: [String: StoredSource] = [:]
    /// Up to where nobody needs a lane's records any more.
    var finished: [String: LanePosition] = [:]
    /// Not yet handed to the owner.
    var losses: [JournalLoss] = []

    var bytes: Int { lanes.values.reduce(0) { $0 + $1.bytes } }

    mutating func takeLosses() -> [JournalLoss] {
        defer { losses = [] }
        return losses
    }

    /// A segment to delete.
    struct Victim: Sendable, Hashable {
        var lane: String
        var segment: Segment
        /// Whether it is the lane's last, so that another must be begun first.
        var isLast: Bool
    }

    /// The next segment to delete so that `incoming` bytes fit into the bounds, or `nil`.
    func victim(incoming groups: [(lane: String, bytes: Int)], now: Int64) -> Victim? {
        // Asked before each append: mostly there is none, and that is known soon.
        let oldest = limits.maximumAge.map { now - $0.components.seconds }
        let isOld = { (segment: Segment) in segment.records > 0 && oldest.map { segment.lastWritten < $0 } ?? false }
        let hasOld = oldest != nil && lanes.values.contains { $0.segments.first.map(isOld) ?? false }
        let isTooMuch = bytes + groups.reduce(0) { $0 + $1.bytes } > limits.totalBytes
        guard hasOld || isTooMuch else { return nil }
        let candidates = candidates()
        if hasOld, let old = candidates.first(where: { isOld($0.segment) }) { return old }
        guard isTooMuch else { return nil }
        let incoming = Dictionary(groups, uniquingKeysWith: +)
        let laneCount = lanes.filter { $0.value.hasRecords || incoming[$0.key] != nil }.count
        let share = limits.totalBytes / max(1, laneCount)
        let reserve = min(limits.laneReserveBytes ?? share, share)
        func isOverReserve(_ victim: Victim) -> Bool {
            (lanes[victim.lane]?.bytes ?? 0) + (incoming[victim.lane] ?? 0) > reserve
        }
        func isFinished(_ victim: Victim) -> Bool {
            guard let last = victim.segment.last else { return true }
            return finished[victim.lane].map { last <= $0 } ?? false
        }
        return candidates.first { isOverReserve($0) && isFinished($0) } ?? candidates.first(where: isFinished)
            ?? candidates.first(where: isOverReserve) ?? candidates.first
    }

    /// The oldest segment of each lane, the oldest of these first. A lane's last one only if it has records.
    private func candidates() -> [Victim] {
        lanes.compactMap { name, lane in
            guard let oldest = lane.segments.first else { return nil }
            let isLast = lane.segments.count == 1
            return isLast && oldest.records == 0 ? nil : Victim(lane: name, segment: oldest, isLast: isLast)
        }.sorted { $0.segment.number < $1.segment.number }
    }
}
