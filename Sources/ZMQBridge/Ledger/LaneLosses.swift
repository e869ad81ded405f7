internal import Diagnosis

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
