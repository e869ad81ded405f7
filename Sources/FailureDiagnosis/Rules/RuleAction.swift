/// What to do when a rule's line is the cause. The first two and `jobAbortion` are DLRover's names.
public enum RuleAction: String, CaseIterable, Hashable, Sendable {
    case restartWorker = "restart_worker"
    case relaunchWorker = "relaunch_worker"
    case jobAbortion = "job_abortion"
    /// Tell, and change nothing. Where a process has already failed, it is restarted all the same.
    case event
    case noAction = "no_action"
}
