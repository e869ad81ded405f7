internal import Diagnosis

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
