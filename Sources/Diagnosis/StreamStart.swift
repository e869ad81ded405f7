/// Where a consumer's stream of a lane begins.
public enum StreamStart: Hashable, Sendable {
    /// After this place: a cursor.
    case after(LanePosition)
    /// With the oldest envelope that the publisher has retained.
    case oldest
    /// With what is published from now on.
    case now
    /// With what was collected at this time or later, to the precision of a journal record. Seconds since 1970.
    case since(Int64)
    /// With the last so many envelopes.
    case last(UInt64)
    /// With this sequence in the lane's newest epoch.
    case sequence(UInt64)
}
