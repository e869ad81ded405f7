/// How much lies in a part of a lane.
public struct JournalCount: Hashable, Sendable {
    /// Sequences.
    public var count: UInt64 = 0
    public var records = 0
    /// Of the records, as they stand in the files.
    public var bytes = 0
}
