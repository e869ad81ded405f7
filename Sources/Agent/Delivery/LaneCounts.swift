/// What became of a lane's envelopes at one master.
public struct LaneCounts: Hashable, Sendable {
    /// The master has accepted them.
    public var delivered: UInt64 = 0
    /// The master has looked at them and refused them.
    public var refused: UInt64 = 0
    /// Given up because too much was waiting, or because the time to deliver was over.
    public var lost: UInt64 = 0
    /// Waiting or under way.
    public var pending: UInt64 = 0
}
