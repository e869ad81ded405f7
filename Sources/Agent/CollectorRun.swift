internal import Logging
internal import ServiceLifecycle

/// One collector that runs on its own, until it is ended.
struct CollectorRun: Sendable {
    private let group: ServiceGroup
    private let task: Task<Void, Never>

    /// - Parameter deadline: how long its end may take.
    init(_ plan: CollectorPlan, deadline: Duration, logger: Logger) {
        let schedule = CollectorSchedule(collector: plan.collector, interval: plan.interval, lastRound: plan.lastRound)
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .error)
        var configuration = ServiceGroupConfiguration(
            services: [
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: schedule, successTerminationBehavior: .ignore)
            ], logger: quiet)
        configuration.maximumGracefulShutdownDuration = deadline
        let group = ServiceGroup(configuration: configuration)
        self.group = group
        // Unstructured: it ends with `end()`. A schedule doesn't throw; one that was cut short is said by the group.
        task = Task { try? await group.run() }
    }

    /// Lets the collector end its round and take a last one, and returns when it has.
    func end() async {
        await group.triggerGracefulShutdown()
        await task.value
    }
}
