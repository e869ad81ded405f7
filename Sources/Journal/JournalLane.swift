/// What the journal holds of a lane.
public struct JournalLane: Hashable, Sendable {
    public var name: String
    /// The oldest sequence that can be read; `nil` if none can.
    public var first: LanePoint?
    /// The newest sequence that can be read; `nil` if none can.
    public var last: LanePoint?
    /// The newest sequence that the lane ever had, as far as the files tell.
    public var newest: LanePoint?
    /// What the lane's files take.
    public var bytes: Int
    public var segments: Int
    public var records: Int
    /// How many sequences can be read.
    public var count: UInt64
    /// The earliest and latest collection times of what can be read.
    public var times: ClosedRange<Int64>?
}
