internal import Diagnosis

/// How many envelopes a lane had in each run of its publisher: tells how many lie between two positions.
struct LaneHistory: Hashable, Codable {
    /// How many runs are listed; older ones are kept as a sum.
    private static let mostEpochs = 4096

    /// How many envelopes the runs had together that are no longer listed.
    private(set) var folded: UInt64 = 0
    /// The last position of each run that had any, ascending.
    private(set) var ends: [LanePosition] = []

    var newest: LanePosition? { ends.last }

    /// How many envelopes there ever were.
    var total: UInt64 { ends.reduce(folded) { $0 &+ $1.sequence } }

    /// Records that the lane has come at least this far. An earlier run may turn out to have been longer than was known.
    mutating func extend(to position: LanePosition) {
        guard position.sequence > 0 else { return }
        let index = ends.firstIndex { $0.epoch >= position.epoch } ?? ends.count
        if index < ends.count, ends[index].epoch == position.epoch {
            ends[index].sequence = max(ends[index].sequence, position.sequence)
        } else if index > 0 || folded == 0 {
            ends.insert(position, at: index)
        }
        if ends.count > Self.mostEpochs {
            folded &+= ends[0].sequence
            ends.removeFirst()
        }
    }

    /// The ranges after one position and up to another, run by run.
    func ranges(after start: LanePosition?, through end: LanePosition) -> [SequenceRange] {
        ends.compactMap { last in
            let first = start.map { $0.epoch == last.epoch ? $0.sequence + 1 : $0.epoch > last.epoch ? .max : 1 } ?? 1
            let stop =
                end.epoch == last.epoch ? min(end.sequence, last.sequence) : end.epoch < last.epoch ? 0 : last.sequence
            return first <= stop ? SequenceRange(epoch: last.epoch, first: first, last: stop) : nil
        }
    }

    func count(after start: LanePosition?, through end: LanePosition) -> UInt64 {
        ranges(after: start, through: end).reduce(start == nil ? folded : 0) { $0 &+ $1.count }
    }
}

/// The ranges of a lane that the journal no longer has, or never had, each with the reason. In order, without overlaps.
struct LaneLosses: Hashable, Codable {
    struct Loss: Hashable, Codable {
        var range: SequenceRange
        var reason: StreamGap.Reason
    }

    /// How many ranges are kept. The oldest are forgotten beyond that; what lies before the first retained envelope counts as evicted all the same.
    private static let mostRanges = 2000

    private(set) var losses: [Loss] = []

    /// Records that a range is lost. What of it is recorded already keeps its reason.
    mutating func recordLoss(of range: SequenceRange, _ reason: StreamGap.Reason) {
        for rest in range.subtracting(losses.map(\.range)) { insert(Loss(range: rest, reason: reason)) }
        if losses.count > Self.mostRanges { losses.removeFirst(losses.count - Self.mostRanges) }
    }

    private mutating func insert(_ loss: Loss) {
        let index =
            losses.firstIndex { ($0.range.epoch, $0.range.first) > (loss.range.epoch, loss.range.first) }
            ?? losses.count
        losses.insert(loss, at: index)
        merge(at: index + 1)
        merge(at: index)
    }

    /// Joins the loss at an index with the one before, if they follow each other and have the same reason.
    private mutating func merge(at index: Int) {
        guard index > 0, index < losses.count else { return }
        let (before, after) = (losses[index - 1], losses[index])
        guard before.reason == after.reason, before.range.epoch == after.range.epoch,
            before.range.last + 1 == after.range.first
        else { return }
        losses[index - 1].range.last = after.range.last
        losses.remove(at: index)
    }

    /// The parts of a range with their recorded reasons, and with `fallback` where none is recorded; in order.
    func explain(_ range: SequenceRange, fallback: StreamGap.Reason) -> [Loss] {
        let known = losses.compactMap { loss in
            loss.range.intersection(range).map { Loss(range: $0, reason: loss.reason) }
        }
        let unknown = range.subtracting(known.map(\.range)).map { Loss(range: $0, reason: fallback) }
        return (known + unknown).sorted { $0.range.first < $1.range.first }
    }
}
