/// What a pickle describes.
indirect enum PickleValue: Hashable, Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(String)
    case bytes([UInt8])
    case list([PickleValue])
    case tuple([PickleValue])
    /// Keys and values in the pickle's order; a key may stand twice.
    case dictionary([Pair])
    case object(PickleObject)

    struct Pair: Hashable, Sendable {
        var key: PickleValue
        var value: PickleValue
    }
}

/// An instance of one of DLRover's classes.
struct PickleObject: Hashable, Sendable {
    var type: PickleClass
    /// The attributes that the pickle sets. A newer DLRover may set more than `PickleClass.fields` lists.
    var fields: [String: PickleValue]

    func bool(_ name: String) -> Bool? {
        if case .bool(let value) = fields[name] { value } else { nil }
    }

    func int(_ name: String) -> Int? {
        if case .int(let value) = fields[name] { value } else { nil }
    }

    func string(_ name: String) -> String? {
        if case .string(let value) = fields[name] { value } else { nil }
    }

    func bytes(_ name: String) -> [UInt8]? {
        if case .bytes(let value) = fields[name] { value } else { nil }
    }
}

/// The classes of DLRover's protocol that a pickle may name, with their fields in the order of their constructors
/// (`dlrover/python/common/comm.py`). No other class is ever read.
enum PickleClass: String, CaseIterable, Sendable {
    case baseRequest = "BaseRequest"
    case baseResponse = "BaseResponse"
    case diagnosisReportData = "DiagnosisReportData"
    case heartBeat = "HeartBeat"
    case heartbeatResponse = "HeartbeatResponse"
    case diagnosisAction = "DiagnosisAction"
    case nodeFailure = "NodeFailure"
    case resourceStats = "ResourceStats"
    case gpuStats = "GPUStats"
    case event = "Event"
    case nodeEvent = "NodeEvent"
    case nodeMeta = "NodeMeta"
    case globalStep = "GlobalStep"
    case atorchEvent = "AtorchEvent"
    case rdzvBlocked = "RdzvBlocked"

    /// The names of the constructor's arguments, for pickles that call it.
    var fields: [String] {
        switch self {
        case .baseRequest: ["node_id", "node_type", "data"]
        case .baseResponse: ["success", "data"]
        case .diagnosisReportData: ["data_cls", "data_content", "node_rank"]
        case .heartBeat: ["timestamp"]
        case .heartbeatResponse: ["action"]
        case .diagnosisAction: ["action_cls", "action_content"]
        case .nodeFailure: ["error_data", "restart_count", "level"]
        case .resourceStats: ["memory", "cpu", "gpu_stats"]
        case .gpuStats: ["index", "total_memory_mb", "used_memory_mb", "gpu_utilization"]
        case .event: ["event_type", "instance", "action", "msg", "labels"]
        case .nodeEvent: ["event_type", "event_message", "event_time", "event_elapsed_time", "node"]
        case .nodeMeta: ["type", "addr", "memory", "cpu", "gpu", "gpu_type", "id", "rank", "status"]
        case .globalStep: ["timestamp", "step", "elapsed_time_per_step"]
        case .atorchEvent: ["timestamp", "target", "name", "type", "step", "step_type"]
        case .rdzvBlocked: ["blocked", "reason"]
        }
    }
}

/// Bounds on what reading a pickle may cost.
struct PickleLimits: Sendable {
    /// The longest pickle that is looked at.
    var bytes = 16 * 1024 * 1024
    /// The most values a pickle may make, and the most entries of its memo.
    var values = 65536
    /// How deep values may be nested, and marks too.
    var depth = 32
}

/// Why bytes are not a pickle that can be read here.
struct PickleError: Error, Hashable, CustomStringConvertible {
    /// Where reading stopped, in bytes from the start.
    let offset: Int
    let reason: String

    var description: String { "at byte \(offset) of the pickle: \(reason)" }
}

/// The Python module that a DLRover keeps its message classes in; pickles name it.
enum DLRoverModule: String, CaseIterable, Sendable {
    /// Since 0.5.0.
    case comm = "dlrover.python.common.comm"
    /// Up to 0.4.x.
    case grpc = "dlrover.python.common.grpc"

    var other: DLRoverModule { self == .comm ? .grpc : .comm }
}
