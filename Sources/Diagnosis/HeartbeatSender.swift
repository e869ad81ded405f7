/// A master's client that can send heartbeats.
///
/// To DLRover's master of a distributed job a heartbeat is more than a sign of life: it takes the node's actions off the master's queue,
/// so that the node's own agent never sees them, and a node that has sent one and then falls silent for 600 s is declared failed.
public protocol HeartbeatSender: Sendable {
    /// Sends one heartbeat in the name of `node`.
    ///
    /// - Parameter time: whole seconds since 1970.
    /// - Returns: what the master wants done; `nil` if nothing.
    func sendHeartbeat(at time: Int64, node: NodeIdentity) async throws(ReportError) -> DiagnosisActionNote?
}
