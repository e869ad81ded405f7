import Diagnosis

/// What a DLRover master answers to a heartbeat: `HeartbeatResponse` of `dlrover/python/common/comm.py`, pickled.
enum HeartbeatResponse {
    /// The action in it; `nil` for DLRover's `NoAction`.
    static func action(pickle: [UInt8]) throws(PickleError) -> DiagnosisActionNote? {
        guard case .object(let object) = try PickleReader.read(pickle[...]), object.type == .heartbeatResponse,
            case .object(let action)? = object.fields["action"], action.type == .diagnosisAction,
            let name = action.string("action_cls"), let content = action.string("action_content")
        else { throw PickleError(offset: 0, reason: "it is no HeartbeatResponse with an action") }
        return name == "NoAction" ? nil : DiagnosisActionNote(actionClass: name, content: content)
    }
}
