internal import Collectors
internal import CoreMetrics
internal import Hang
internal import Diagnosis
internal import Logging

extension AgentSettings {
    /// How long an incident may take in all.
    package var incidentBudget: Duration { values[\.incidents.budget] }

    /// What records incidents here; `nil` if none are to be.
    ///
    /// - Parameter ranks: those that evidence is taken of.
    func incidentRecorder(
        of ranks: LocalRanks, client: any UrgentReporter, factory: any MetricsFactory, logger: Logger
    ) -> IncidentRecorder? {
        guard values[\.incidents.record] else { return nil }
        var configuration = IncidentRecorder.Configuration()
        configuration.budget = values[\.incidents.budget]
        configuration.rest = values[\.incidents.rest]
        configuration.size = values[\.incidents.size]
        return IncidentRecorder(
            node: node, client: client, sources: incidentSources(of: ranks, logger: logger),
            configuration: configuration, logger: logger, factory: factory)
    }

    /// What is asked, in its order.
    private func incidentSources(of ranks: LocalRanks, logger: Logger) -> IncidentSources {
        let ladder = stackLadder(logger: logger)
        var sources = IncidentSources()
        sources.recorders = [
            .init(WorkerServerEvidence(ranks: ranks, servers: values[\.stacks.workerServer]), share: 0.35)
        ]
        sources.rest = [
            .init(ProcessEvidence(ranks: ranks, ladder: ladder), share: 0.5),
            .init(StackEvidence(ranks: ranks, ladder: ladder, samples: values[\.stacks.samples]), share: 0.85),
            .init(KernelLogEvidence(path: values[\.diagnosis.kernelLog]), share: 1),
        ]
        return sources
    }
}
