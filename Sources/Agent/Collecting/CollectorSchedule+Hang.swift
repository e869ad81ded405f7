internal import Collectors
internal import CoreMetrics
internal import Hang
internal import Logging

/// The collectors that notice hangs, or let a master notice them.
extension CollectorSchedule {
    static func eventSchedules(
        of settings: AgentSettings, factory: any MetricsFactory, logger: Logger
    ) -> [CollectorSchedule] {
        guard let file = settings.eventFile else { return [] }
        let collector = TrainingEventCollector(path: file, node: settings.node, logger: logger, factory: factory)
        return [
            CollectorSchedule(
                collector: collector, interval: settings.values[\.events.interval], lastRound: lastLogRound)
        ]
    }

    /// - Parameters:
    ///   - observer: is told of signs of a hang; `nil`: only the log and the bus are.
    ///   - memory: the same that the evidence of an incident has (`FlightRecorderFiles`).
    static func hangSchedules(
        of settings: AgentSettings, observer: (any HangObserver)? = nil,
        memory: FlightRecorderMemory = FlightRecorderMemory(), factory: any MetricsFactory, logger: Logger
    ) -> [CollectorSchedule] {
        let values = settings.values
        var schedules: [CollectorSchedule] = []
        if !values[\.flightRecorder.files].isEmpty {
            let watch = FlightRecorderWatch(
                places: settings.flightRecorderPlaces, memory: memory, observer: observer, logger: logger)
            schedules.append(
                CollectorSchedule(collector: watch, interval: values[\.flightRecorder.interval], lastRound: nil))
        }
        if let target = settings.rasTarget {
            var configuration = RASCollector.Configuration(target: target)
            configuration.interval = values[\.ras.interval]
            configuration.confirmation = values[\.ras.confirm]
            let collector = RASCollector(
                node: settings.node, configuration: configuration, observer: observer, logger: logger,
                factory: factory)
            schedules.append(CollectorSchedule(collector: collector, interval: values[\.ras.interval], lastRound: nil))
        }
        return schedules
    }
}
