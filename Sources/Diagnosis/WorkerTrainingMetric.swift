/// One piece of diagnosis data of one node: the arobust guide's `WorkerTrainingMetric`.
///
/// Its JSON (`MetricJSON`) has exactly the keys of DLRover's class of the same name
/// (`dlrover/python/diagnosis/common/diagnosis_data.py`); a master refuses any other key.
public struct WorkerTrainingMetric: Hashable, Sendable {
    /// When the data was collected, in whole seconds since 1970. Made at collection, never again.
    public var timestamp: Int64
    public var dataType: DiagnosisDataType
    public var dataContent: String
    public var node: NodeIdentity
    /// DLRover's field of this name; its master reads neither of the two.
    public var isFinalResult: Bool
    /// DLRover's field of this name.
    public var needReport: Bool

    public init(
        dataType: DiagnosisDataType,
        dataContent: String,
        node: NodeIdentity,
        timestamp: Int64 = WallClock.seconds(),
        isFinalResult: Bool = false,
        needReport: Bool = false
    ) {
        self.timestamp = timestamp
        self.dataType = dataType
        self.dataContent = dataContent
        self.node = node
        self.isFinalResult = isFinalResult
        self.needReport = needReport
    }
}
