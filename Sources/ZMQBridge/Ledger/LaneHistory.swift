internal import Diagnosis

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
