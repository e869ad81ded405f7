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
