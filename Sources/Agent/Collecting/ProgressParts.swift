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
    /// What the watch was made of.
    private let origin: [String]
    private let profiles: ProfileTable
    /// How the trainings go, and the last lines of every followed log.
    let evidence: [any EvidenceSource]

    /// - Parameter earlier: those up to now, whose watch is kept if the settings and files of `progress` are the same.
    /// - Returns: `nil` if no log is followed, or `progress.watch` is false.
    static func make(
        of settings: AgentSettings, after earlier: ProgressParts? = nil, in surroundings: CollectorSurroundings
    ) throws(SettingsError) -> ProgressParts? {
        let selection = settings.logSelection
        guard settings.values[\.progress.watch], !selection.isEmpty else { return nil }
        let nodeRank = Int(clamping: settings.node.rank)
        let (origin, profiles) = (settings.values.lines(under: "progress."), try settings.progressProfiles())
        let watch: ProgressWatch
        if let earlier, earlier.origin == origin, earlier.profiles.isSame(as: profiles) {
            watch = earlier.watch
        } else {
            watch = ProgressWatch(
                settings: settings.progress, profiles: profiles, nodeRank: nodeRank, logger: surroundings.logger,
                factory: surroundings.factory)
            if let observer = surroundings.observer { watch.setHangObserver(observer) }
        }
        return ProgressParts(
            watch: watch, origin: origin, profiles: profiles,
            evidence: [
                ProgressEvidence(watch),
                LastLogLines(nodeRank: nodeRank, open: LogSelection.open) { selection.existingFiles().map(\.path) },
            ])
    }

    /// Another one for another watch.
    var name: String { "\(ObjectIdentifier(watch))" }

    /// Publishes what changes.
    func schedule(of settings: AgentSettings, logger: Logger) -> CollectorSchedule {
        CollectorSchedule(
            collector: ProgressCollector(watch, node: settings.node, logger: logger), interval: .milliseconds(250),
            lastRound: nil)
    }
}
