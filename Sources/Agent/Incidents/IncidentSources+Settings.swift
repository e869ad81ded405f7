internal import Collectors
internal import CoreMetrics
internal import Hang
internal import Diagnosis
internal import Logging

extension AgentSettings {
    /// How long an incident may take in all.
    package var incidentBudget: Duration { values[\.incidents.budget] }

    /// What records incidents here; `nil` if none are to be.
    func incidentRecorder(
        client: any UrgentReporter, factory: any MetricsFactory, logger: Logger
    ) -> IncidentRecorder? {
        guard values[\.incidents.record] else { return nil }
        var configuration = IncidentRecorder.Configuration()
        configuration.budget = values[\.incidents.budget]
        configuration.rest = values[\.incidents.rest]
        configuration.size = values[\.incidents.size]
        return IncidentRecorder(
            node: node, client: client, sources: incidentSources(), configuration: configuration, logger: logger,
            factory: factory)
    }

    /// What is asked, in its order.
    private func incidentSources() -> IncidentSources {
        var sources = IncidentSources()
        sources.rest = [
            IncidentSources.Step(KernelLogEvidence(path: values[\.diagnosis.kernelLog]), share: 1)
        ]
        return sources
    }
}
