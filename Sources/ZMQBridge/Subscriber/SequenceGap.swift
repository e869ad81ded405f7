public import Diagnosis

/// Envelopes of a lane that a consumer did not get.
public struct SequenceGap: Hashable, Sendable {
    public var lane: Lane
    public var epoch: UInt64
    public var sequences: ClosedRange<UInt64>

    /// How many envelopes are missing.
    public var count: UInt64 { sequences.upperBound - sequences.lowerBound + 1 }
}
