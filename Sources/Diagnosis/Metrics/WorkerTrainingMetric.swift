public import SystemSupport

/// One piece of diagnosis data of one node: the arobust guide's `WorkerTrainingMetric`.
///
/// Its JSON (`MetricJSON`) has exactly the keys of DLRover's class of the same name
/// (`dlrover/python/diagnosis/common/diagnosis_data.py`); a master refuses any other key.
public struct WorkerTrainingMetric: Hashable, Sendable {
    /// When the data was collected, in whole seconds since 1970. Set at collection and never changed after.
    public var timestamp: Int64
    /// What kind of data it is.
    public var dataType: DiagnosisDataType
    /// The data itself, as text: log lines, a page, stacks, or whatever the type says.
    public var dataContent: String
    /// The node that it was collected on.
    public var node: NodeIdentity
    /// DLRover's `is_final_result`, which its master does not read.
    public var isFinalResult: Bool
    /// DLRover's `need_report`, which its master does not read.
    public var needReport: Bool
    /// Where the content came from, for whoever reads the bus; no part of the metric's JSON.
    package var origin: MetricOrigin?

    /// - Parameter timestamp: in whole seconds since 1970; without it, now.
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

/// What kind of diagnosis data a metric carries: a name; collectors of your own may use any other.
///
/// The first three are the arobust guide's; DLRover's master knows them and `GENERIC` as
/// `DiagnosisDataType` (`dlrover/python/diagnosis/common/constants.py`) and stores any other name under its own key.
public struct DiagnosisDataType: RawRepresentable, Hashable, Sendable, Codable {
    /// The name, as in the bus topic and in `data_type`.
    public let rawValue: String

    /// Takes any name; the bus refuses one that is not `isValid`.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// Lines of the training log.
    public static let trainingLog = DiagnosisDataType(rawValue: "TRAINING_LOG")
    /// One page of XPUTimer's Prometheus metrics.
    public static let xpuTimerMetric = DiagnosisDataType(rawValue: "XPU_TIMER_METRIC")
    /// Stacks of training processes.
    public static let stackTrace = DiagnosisDataType(rawValue: "STACK_TRACE")
    /// A piece of an incident's bundle (docs/hang.md): no master of DLRover's gets it.
    public static let incident = DiagnosisDataType(rawValue: "INCIDENT")
    /// Anything else.
    public static let generic = DiagnosisDataType(rawValue: "GENERIC")

    /// Whether the name may stand in a bus topic: 1 to 64 of `[A-Za-z0-9_.-]`.
    public var isValid: Bool {
        TopicWord.isValid(rawValue)
    }
}

extension DiagnosisDataType: CustomStringConvertible {
    public var description: String { rawValue }
}
