/// A place in a lane: an epoch and a sequence in it. Points of one lane compare in the order of writing.
public struct LanePoint: Hashable, Sendable, Comparable {
    public var epoch: UInt64
    public var sequence: UInt64

    public init(epoch: UInt64, sequence: UInt64) {
        self.epoch = epoch
        self.sequence = sequence
    }

    public static func < (left: LanePoint, right: LanePoint) -> Bool {
        (left.epoch, left.sequence) < (right.epoch, right.sequence)
    }
}

extension LanePoint: CustomStringConvertible {
    public var description: String { "\(epoch)/\(sequence)" }
}
