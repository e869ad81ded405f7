/// A place in a lane.
struct LanePosition: Hashable, Comparable, Sendable {
    var epoch: UInt64
    var sequence: UInt64

    static func < (one: LanePosition, other: LanePosition) -> Bool {
        (one.epoch, one.sequence) < (other.epoch, other.sequence)
    }
}
