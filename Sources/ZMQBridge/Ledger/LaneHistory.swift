internal import Diagnosis
internal import Journal

/// How many envelopes a lane had in each run of its publisher: so the publisher can say how many lie between two places.
struct LaneHistory: Hashable, Codable {
    /// Older runs than so many are only kept as a sum.
    private static let mostEpochs = 4096

    /// How many envelopes the runs had that are no longer listed.
    private(set) var folded: UInt64 = 0
    /// The last place in each run that had any, ascending.
    private(set) var ends: [LanePosition] = []

    var newest: LanePosition? { ends.last }

    /// How many envelopes there ever were.
    var total: UInt64 { ends.reduce(folded) { $0 &+ $1.sequence } }

    /// Takes in that the lane has come this far. An earlier run may turn out to have been longer than was known.
    mutating func note(_ position: LanePosition) {
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

    /// The ranges that lie after one place and up to another, run by run.
    func ranges(after start: LanePosition?, through end: LanePosition) -> [EpochRange] {
        ends.compactMap { last in
            let first = start.map { $0.epoch == last.epoch ? $0.sequence + 1 : $0.epoch > last.epoch ? .max : 1 } ?? 1
            let stop =
                end.epoch == last.epoch ? min(end.sequence, last.sequence) : end.epoch < last.epoch ? 0 : last.sequence
            return first <= stop ? EpochRange(epoch: last.epoch, first: first, last: stop) : nil
        }
    }

    func count(after start: LanePosition?, through end: LanePosition) -> UInt64 {
        ranges(after: start, through: end).reduce(start == nil ? folded : 0) { $0 &+ $1.count }
    }
}

/// The ranges of a lane that the journal no longer has, or never had, with the reason. Ascending, no two overlap.
struct LaneLosses: Hashable, Codable {
    struct Loss: Hashable, Codable {
        var range: EpochRange
        var reason: StreamGap.Reason
    }

    /// Beyond, the oldest are forgotten; what is gone before the first retained envelope counts as evicted all the same.
    private static let mostRanges = 2000

    private(set) var losses: [Loss] = []

    mutating func note(_ range: EpochRange, _ reason: StreamGap.Reason) {
        // What was known to be lost for one reason stays so.
        for rest in Self.subtract(losses.map(\.range), from: range) { insert(Loss(range: rest, reason: reason)) }
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

    /// Makes one of the loss at a place and the one before, if they are.
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
    func explain(_ range: EpochRange, fallback: StreamGap.Reason) -> [Loss] {
        let known = losses.compactMap { loss in
            loss.range.intersection(range).map { Loss(range: $0, reason: loss.reason) }
        }
        let unknown = Self.subtract(known.map(\.range), from: range).map { Loss(range: $0, reason: fallback) }
        return (known + unknown).sorted { $0.range.first < $1.range.first }
    }

    /// What is left of a range without others, which ascend.
    static func subtract(_ others: [EpochRange], from range: EpochRange) -> [EpochRange] {
        var rest: [EpochRange] = []
        var first = range.first
        for other in others.compactMap({ $0.intersection(range) }) {
            if other.first > first { rest.append(EpochRange(epoch: range.epoch, first: first, last: other.first - 1)) }
            first = other.last + 1
        }
        if first <= range.last { rest.append(EpochRange(epoch: range.epoch, first: first, last: range.last)) }
        return rest
    }
}

/// Sequences of one lane and run.
struct EpochRange: Hashable, Codable {
    var epoch: UInt64
    var first: UInt64
    var last: UInt64

    var count: UInt64 { last - first + 1 }

    func intersection(_ other: EpochRange) -> EpochRange? {
        guard epoch == other.epoch, max(first, other.first) <= min(last, other.last) else { return nil }
        return EpochRange(epoch: epoch, first: max(first, other.first), last: min(last, other.last))
    }
}

extension LanePosition {
    init(_ point: LanePoint) {
        self.init(epoch: point.epoch, sequence: point.sequence)
    }

    var point: LanePoint { LanePoint(epoch: epoch, sequence: sequence) }
}
