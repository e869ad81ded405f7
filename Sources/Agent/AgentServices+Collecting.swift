internal import Collectors
internal import CoreMetrics
internal import Hang
internal import Logging
internal import ServiceLifecycle
internal import ZMQBridge

/// What collects, and looks into hangs.
extension AgentServices {
    /// The services that collect and record incidents, the collectors last, and what gives them other settings.
    struct Collecting {
        let services: [any Service]
        let incidents: IncidentRecorder
        let part: CollectingPart
    }

    func makeCollecting(for publisher: MetricPublisher, factory: any MetricsFactory) throws -> Collecting {
        let ranks = LocalRanks(try settings.rankTarget())
        var surroundings = CollectorSurroundings(factory: factory, logger: logger)
        let setup = settings.incidentSetup(of: ranks, memory: surroundings.memory, logs: [], logger: logger)
        let incidents = IncidentRecorder(
            node: settings.node, client: publisher, setup: setup, logger: logger, factory: factory)
        surroundings.observer = incidents
        let readers = try LogReaders.make(of: settings, in: surroundings)
        let plans = try CollectorPlan.plans(of: settings, readers: readers, in: surroundings)
        if plans.isEmpty {
            logger.notice("No collector is set: only what other programs publish is on the bus.")
        }
        let host = CollectorHost(
            plans, client: CountedClient(publisher, factory: factory), observer: incidents,
            deadline: settings.shutdownDeadline, logger: logger)
        let part = CollectingPart(
            host: host, readers: readers, incidents: incidents, ranks: ranks, publisher: publisher,
            surroundings: surroundings)
        part.take(
            settings.incidentSetup(
                of: ranks, memory: surroundings.memory, logs: readers.progress?.evidence ?? [], logger: logger))
        let watch = RankWatch(ranks: ranks, observer: incidents) { incidents.isOn }
        return Collecting(
            services: [
                CancelledService("incidents") { await incidents.run() },
                CancelledService("rank-watch") { await watch.run() }, host,
            ], incidents: incidents, part: part)
    }
}
