/// A place in a lane: an epoch, and a sequence in it. Positions of one lane compare in the order of publishing.
///
/// In JSON `[epoch, sequence]`, as on the wire.
public struct LanePosition: Hashable, Sendable, Comparable {
    public var epoch: UInt64
    /// From 1 in each epoch; 0 is the place before the first.
    public var sequence: UInt64

    public init(epoch: UInt64, sequence: UInt64) {
        self.epoch = epoch
        self.sequence = sequence
    }

    public static func < (left: LanePosition, right: LanePosition) -> Bool {
        (left.epoch, left.sequence) < (right.epoch, right.sequence)
    }
}

extension LanePosition: CustomStringConvertible {
    public var description: String { "\(epoch)/\(sequence)" }
}

extension LanePosition: Codable {
    public init(from decoder: any Decoder) throws {
        var numbers = try decoder.unkeyedContainer()
        self.init(epoch: try numbers.decode(UInt64.self), sequence: try numbers.decode(UInt64.self))
        // No publisher ever comes to the last number there is, so a consumer may count on from every other.
        guard numbers.isAtEnd, epoch < .max, sequence < .max else {
            throw DecodingError.dataCorruptedError(in: numbers, debugDescription: "a position is [epoch, sequence]")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var numbers = encoder.unkeyedContainer()
        try numbers.encode(epoch)
        try numbers.encode(sequence)
    }
}
