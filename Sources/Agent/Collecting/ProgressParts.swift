internal import Collectors
internal import CoreMetrics
internal import Diagnosis
internal import Hang
internal import Logging
internal import TrainingProgress

/// What watches the trainings of this node, for the collectors and for whoever looks into a hang.
struct ProgressParts: Sendable {
    /// Sees the lines of the followed logs. `setHangObserver` on it says who is told of a training that stands still.
    let watch: ProgressWatch
    /// How the trainings go, and the last lines of every followed log.
    let evidence: [any EvidenceSource]

    /// - Returns: `nil` if no log is followed, or `progress.watch` is false.
    static func make(
        of settings: AgentSettings, factory: any MetricsFactory, logger: Logger
    ) throws(SettingsError) -> ProgressParts? {
        let selection = settings.logSelection
        guard settings.values[\.progress.watch], !selection.isEmpty else { return nil }
        let nodeRank = Int(clamping: settings.node.rank)
        let watch = ProgressWatch(
            settings: settings.progress, profiles: try settings.progressProfiles(), nodeRank: nodeRank, logger: logger,
            factory: factory)
        return ProgressParts(
            watch: watch,
            evidence: [
                ProgressEvidence(watch),
                LastLogLines(nodeRank: nodeRank, open: LogSelection.open) { selection.existingFiles().map(\.path) },
            ])
    }

    /// Publishes what changes.
    func schedule(of settings: AgentSettings, logger: Logger) -> CollectorSchedule {
        CollectorSchedule(
            collector: ProgressCollector(watch, node: settings.node, logger: logger), interval: .milliseconds(250),
            lastRound: nil)
    }
}
