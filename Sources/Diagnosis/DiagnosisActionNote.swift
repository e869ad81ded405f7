/// What a DLRover master wants a node to do, as it came with the answer to a heartbeat.
public struct DiagnosisActionNote: Hashable, Sendable {
    /// The name of DLRover's class: `NodeAction`, `EventAction`, `JobAbortionAction`.
    public var actionClass: String
    /// The action's JSON text, unread.
    public var content: String

    public init(actionClass: String, content: String) {
        self.actionClass = actionClass
        self.content = content
    }
}
