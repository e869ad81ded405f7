internal import Diagnosis
internal import Hang
internal import Logging
internal import SystemSupport

/// Tells a master again and again that its node is there.
protocol NodePresence: Sendable {
    /// Runs until the task is cancelled or the client is closed.
    func run() async
}

/// Sends heartbeats to a DLRover master in this node's name.
///
/// Only for a node on which no DLRover agent runs: a heartbeat takes the node's actions off the master's queue, and a node that has sent
/// one and then none for 600 s is declared failed (docs/dlrover.md). What the master wants done is logged; of it, only `collect_metric` is done, as an
/// incident.
struct Heartbeat: NodePresence {
    let sender: any HeartbeatSender
    let node: NodeIdentity
    var job = ""
    let interval: Duration
    /// Is told when the master asks for diagnosis data.
    var observer: (any HangObserver)?
    let logger: Logger

    func run() async {
        var problems = ProblemLog()
        var pace = BeatPace(interval: interval, share: NodeShare(of: node, job: job, what: "heartbeat"))
        var generator = SystemRandomNumberGenerator()
        while !Task.isCancelled {
            var isHeard = true
            do throws(ReportError) {
                if let action = try await sender.sendHeartbeat(at: WallClock.seconds(), node: node) {
                    if !collects(action) {
                        logger.warning(
                            "The master wants something done, which arobust does not do.",
                            metadata: ["action": "\(action.actionClass)", "content": "\(action.content)"])
                    }
                }
                if problems.solve() { logger.notice("Heartbeats reach the master again.") }
            } catch {
                guard error.code != .closed, !Task.isCancelled else { return }
                isHeard = false
                if problems.shouldReport("heartbeat") {
                    logger.warning("A heartbeat failed; trying again.", metadata: ["error": "\(error)"])
                }
            }
            try? await Task.sleep(for: pace.pause(afterSuccess: isHeard, using: &generator))
        }
    }

    /// DLRover's master asks every worker for it when it takes the training for hung (`NodeAction collect_metric`).
    private func collects(_ action: DiagnosisActionNote) -> Bool {
        guard let observer, JSONValue.object(action.content)?["action_type"]?.string == "collect_metric" else {
            return false
        }
        logger.notice("The master asks for diagnosis data.", metadata: ["content": "\(action.content)"])
        observer.suspect(
            HangSuspicion(.master, text: "the master asked (collect_metric)", time: WallClock.seconds()))
        return true
    }
}
