internal import Diagnosis
internal import Logging
internal import SystemSupport

/// Sends heartbeats to a DLRover master in this node's name.
///
/// Only for a node on which no DLRover agent runs: a heartbeat takes the node's actions off the master's queue, and a node that has sent
/// one and then none for 600 s is declared failed (docs/dlrover.md). What the master wants done is logged; nothing is done.
struct Heartbeat: Sendable {
    let sender: any HeartbeatSender
    let node: NodeIdentity
    let interval: Duration
    let logger: Logger

    /// Runs until the task is cancelled or the client is closed.
    func run() async {
        var problems = ProblemLog()
        while !Task.isCancelled {
            do throws(ReportError) {
                if let action = try await sender.sendHeartbeat(at: WallClock.seconds(), node: node) {
                    logger.warning(
                        "The master wants something done, which arobust does not do.",
                        metadata: ["action": "\(action.actionClass)", "content": "\(action.content)"])
                }
                if problems.solve() { logger.notice("Heartbeats reach the master again.") }
            } catch {
                guard error.code != .closed, !Task.isCancelled else { return }
                if problems.shouldReport("heartbeat") {
                    logger.warning("A heartbeat failed; trying again.", metadata: ["error": "\(error)"])
                }
            }
            try? await Task.sleep(for: interval)
        }
    }
}
