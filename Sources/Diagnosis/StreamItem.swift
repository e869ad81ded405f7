/// What a consumer's stream is made of. Items of one lane come in the lane's order, without a hole and without a repetition.
public enum StreamItem: Sendable {
    /// The lane's stream begins after this place. Comes once, before the lane's first other item, unless the consumer itself said
    /// with `StreamStart.after` where it begins.
    case start(Lane, after: LanePosition)
    /// Envelopes whose sequences follow each other, and the lane's item before.
    case batch(EnvelopeBatch)
    /// Envelopes that are gone.
    case gap(StreamGap)
}
