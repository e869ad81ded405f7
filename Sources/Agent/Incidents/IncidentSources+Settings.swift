internal import Collectors
internal import Hang
internal import Diagnosis
internal import Logging

extension AgentSettings {
    /// How long an incident may take in all.
    package var incidentBudget: Duration { values[\.incidents.budget] }

    /// How incidents are recorded here.
    ///
    /// - Parameters:
    ///   - ranks: those that evidence is taken of.
    ///   - memory: the same that the watch for new dumps has.
    ///   - logs: what is taken of the followed logs.
    func incidentSetup(
        of ranks: LocalRanks, memory: FlightRecorderMemory, logs: [any EvidenceSource], logger: Logger
    ) -> IncidentRecorder.Setup {
        var configuration = IncidentRecorder.Configuration()
        configuration.budget = values[\.incidents.budget]
        configuration.rest = values[\.incidents.rest]
        configuration.size = values[\.incidents.size]
        return IncidentRecorder.Setup(
            isOn: values[\.incidents.record],
            sources: incidentSources(of: ranks, memory: memory, logs: logs, logger: logger),
            configuration: configuration)
    }

    /// What is asked, in its order.
    private func incidentSources(
        of ranks: LocalRanks, memory: FlightRecorderMemory, logs: [any EvidenceSource], logger: Logger
    ) -> IncidentSources {
        let ladder = stackLadder(logger: logger)
        let servers = WorkerServerEvidence(ranks: ranks, servers: values[\.stacks.workerServer])
        var sources = IncidentSources()
        sources.isTrainingThere = { await ranks.hasLivingOnes() }
        sources.recorders = [
            .init(servers, share: 0.3),
            .init(FlightRecorderFiles(places: flightRecorderPlaces, memory: memory), share: 0.5),
        ]
        if let rasTarget { sources.beside = [.init(RASEvidence(target: rasTarget), share: 0.95)] }
        sources.rest =
            [
                .init(ProcessEvidence(ranks: ranks, ladder: ladder), share: 0.6),
                .init(StackEvidence(ranks: ranks, ladder: ladder, samples: values[\.stacks.samples]), share: 0.85),
            ] + logs.map { .init($0, share: 0.92) } + [
                .init(KernelLogEvidence(path: values[\.diagnosis.kernelLog]), share: 0.95)
            ]
        sources.last = [.init(servers, share: 1)]
        return sources
    }
}
