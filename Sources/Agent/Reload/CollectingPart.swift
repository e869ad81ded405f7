internal import Collectors
internal import Hang
private import Synchronization
internal import ZMQBridge

/// Collectors, rules and incidents, as a part that takes other settings.
final class CollectingPart: ReloadablePart {
    private let host: CollectorHost
    private let incidents: IncidentRecorder
    private let ranks: LocalRanks
    private let publisher: MetricPublisher
    private let surroundings: CollectorSurroundings
    private let readers: Mutex<LogReaders>

    /// - Parameter readers: those that see the lines now.
    init(
        host: CollectorHost, readers: LogReaders, incidents: IncidentRecorder, ranks: LocalRanks,
        publisher: MetricPublisher, surroundings: CollectorSurroundings
    ) {
        self.host = host
        self.incidents = incidents
        self.ranks = ranks
        self.publisher = publisher
        self.surroundings = surroundings
        self.readers = Mutex(readers)
    }

    func prepare(_ settings: AgentSettings) async throws -> PreparedPart {
        let old = readers.withLock { $0 }
        let new = try LogReaders.make(of: settings, after: old, in: surroundings)
        let plans = try CollectorPlan.plans(of: settings, readers: new, in: surroundings)
        let target = try settings.rankTarget()
        let setup = settings.incidentSetup(
            of: ranks, memory: surroundings.memory, logs: new.progress?.evidence ?? [], logger: surroundings.logger)
        return PreparedPart { [self] in
            new.replace(old)
            readers.withLock { $0 = new }
            ranks.change(to: target)
            take(setup)
            await host.change(to: plans)
            return PreparedPart.Report(changes: new.differences(from: old))
        }
    }

    /// Also at the start.
    func take(_ setup: IncidentRecorder.Setup) {
        incidents.change(to: setup)
        guard setup.isOn else { return publisher.recordIncidents(nil) }
        publisher.recordIncidents { [incidents] in incidents.request($0) }
    }
}
