/// Consecutive sequences of one lane and epoch, both ends included.
///
/// In JSON an object: `ledger.json` keeps a lane's losses so.
package struct SequenceRange: Hashable, Sendable, Codable {
    package var epoch: UInt64
    /// From 1, as sequences count.
    package var first: UInt64
    /// At least `first`.
    package var last: UInt64

    package init(epoch: UInt64, first: UInt64, last: UInt64) {
        self.epoch = epoch
        self.first = first
        self.last = last
    }

    /// - Throws: for what is no range: nobody could count its sequences, or count on from its last.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        epoch = try values.decode(UInt64.self, forKey: .epoch)
        first = try values.decode(UInt64.self, forKey: .first)
        last = try values.decode(UInt64.self, forKey: .last)
        guard first > 0, first <= last, last < .max else {
            throw DecodingError.dataCorruptedError(forKey: .last, in: values, debugDescription: "no range of sequences")
        }
    }

    package var count: UInt64 { last - first + 1 }

    package var start: LanePosition { LanePosition(epoch: epoch, sequence: first) }

    package var end: LanePosition { LanePosition(epoch: epoch, sequence: last) }

    /// The part that both have; `nil` if there is none.
    package func intersection(_ other: SequenceRange) -> SequenceRange? {
        guard epoch == other.epoch, max(first, other.first) <= min(last, other.last) else { return nil }
        return SequenceRange(epoch: epoch, first: max(first, other.first), last: min(last, other.last))
    }

    /// What is left without `others`, which must be in order; in order.
    package func subtracting(_ others: [SequenceRange]) -> [SequenceRange] {
        var rest: [SequenceRange] = []
        var next = first
        for other in others.compactMap({ intersection($0) }) {
            if other.first > next { rest.append(SequenceRange(epoch: epoch, first: next, last: other.first - 1)) }
            next = other.last + 1
        }
        if next <= last { rest.append(SequenceRange(epoch: epoch, first: next, last: last)) }
        return rest
    }
}

extension LanePosition {
    /// The position before this one in the same epoch; the place before the first has none, and is its own.
    package var predecessor: LanePosition { LanePosition(epoch: epoch, sequence: max(sequence, 1) - 1) }
}
