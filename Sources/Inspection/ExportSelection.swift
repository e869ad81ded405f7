public import Diagnosis

/// What of a journal is exported.
public struct ExportSelection: Hashable, Sendable {
    /// Empty: all.
    public var dataTypes: Set<DiagnosisDataType> = []
    /// The first.
    public var from: LanePosition?
    /// The last.
    public var to: LanePosition?
    /// The earliest collection time, seconds since 1970.
    public var since: Int64?

    public init() {}
}
