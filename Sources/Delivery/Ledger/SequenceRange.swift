internal import Diagnosis

/// Consecutive sequences of one epoch, both ends included.
package struct SequenceRange: Hashable, Sendable {
    package var epoch: UInt64
    package var first: UInt64
    package var last: UInt64

    package init(epoch: UInt64, first: UInt64, last: UInt64) {
        self.epoch = epoch
        self.first = first
        self.last = last
    }

    package var count: UInt64 { last - first + 1 }

    var start: LanePosition { LanePosition(epoch: epoch, sequence: first) }

    var end: LanePosition { LanePosition(epoch: epoch, sequence: last) }
}
