public import Diagnosis

/// What a subscriber hands over at once: envelopes lane by lane in order, and what it found missing before or between them.
public struct SubscriberDelivery: Sendable {
    public var batches: [EnvelopeBatch] = []
    public var gaps: [SequenceGap] = []

    public var isEmpty: Bool { batches.isEmpty && gaps.isEmpty }

    public var envelopeCount: Int { batches.reduce(0) { $0 + $1.count } }
}
