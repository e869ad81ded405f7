internal import Collectors
internal import Hang
internal import Logging

/// The collectors that notice hangs, or let a master notice them.
extension CollectorPlan {
    static func eventPlans(
        of settings: AgentSettings, in surroundings: CollectorSurroundings
    ) -> [CollectorPlan] {
        guard let file = settings.eventFile else { return [] }
        return [
            CollectorPlan(name: "events \(file)", origin: settings.values.lines(under: "events.interval")) {
                let collector = TrainingEventCollector(
                    path: file, node: settings.node, logger: surroundings.logger, factory: surroundings.factory)
                return CollectorSchedule(
                    collector: collector, interval: settings.values[\.events.interval], lastRound: lastLogRound)
            }
        ]
    }

    static func hangPlans(of settings: AgentSettings, in surroundings: CollectorSurroundings) -> [CollectorPlan] {
        let values = settings.values
        var plans: [CollectorPlan] = []
        if !values[\.flightRecorder.files].isEmpty {
            plans.append(
                CollectorPlan(name: "flight recorders", origin: values.lines(under: "flight-recorder.")) {
                    let watch = FlightRecorderWatch(
                        places: settings.flightRecorderPlaces, memory: surroundings.memory,
                        observer: surroundings.observer, logger: surroundings.logger)
                    return CollectorSchedule(
                        collector: watch, interval: values[\.flightRecorder.interval], lastRound: nil)
                })
        }
        if let target = settings.rasTarget {
            var configuration = RASCollector.Configuration(target: target)
            configuration.interval = values[\.ras.interval]
            configuration.confirmation = values[\.ras.confirm]
            plans.append(
                CollectorPlan(name: "ras", origin: values.lines(under: "ras.")) { [configuration] in
                    let collector = RASCollector(
                        node: settings.node, configuration: configuration, observer: surroundings.observer,
                        logger: surroundings.logger, factory: surroundings.factory)
                    return CollectorSchedule(
                        collector: collector, interval: values[\.ras.interval], lastRound: nil)
                })
        }
        return plans
    }
}
