/// Whoever takes a consumer's stream: a master's reporter, a tap.
///
/// All is called on the subscriber's thread, one call at a time, and must not wait for anything slow.
public protocol EnvelopeReceiver: Sendable {
    /// Where the lane's stream begins; `nil`: this lane is not wanted. Asked once for each lane and run.
    func start(of lane: Lane) -> StreamStart?

    /// How many bytes of bodies the receiver would take now. While it is 0 or less, the lane's live envelopes are let go, and later
    /// asked for again; the receiver says so with `MetricSubscriber.roomChanged()`.
    func room(in lane: Lane) -> Int

    /// Takes what comes next: a bit more than there is room for, never much.
    ///
    /// - Returns: whether more is wanted; `false` ends the subscriber.
    func receive(_ items: [StreamItem]) -> Bool
}
