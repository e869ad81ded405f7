import Agent
import Logging
import ServiceLifecycle
import UnixSignals
import ZMQBridge

/// The agent on the bus: collectors publish, and others read: `arobust bridge` for masters, `arobust tap` for people.
///
///     swift run OnTheBus /path/to/training.log /tmp/arobust
///     arobust bridge --state-dir /tmp/arobust --master localhost:50051
///     arobust tap --state-dir /tmp/arobust
///
/// SIGTERM ends it.
@main
struct OnTheBus {
    static func main() async throws {
        let log = CommandLine.arguments.dropFirst().first ?? "training.log"
        let directory = CommandLine.arguments.dropFirst(2).first ?? "/tmp/arobust"
        let logger = Logger(label: "training")

        // A publisher is a client too: reporting to it publishes. Whatever it accepted is in its journal.
        let publisher = try await MetricPublisher.open(in: StateDirectory(path: directory), logger: logger)
        let agent = try DiagnosisAgent(trainingLogFile: log, nodeRank: 0, logger: logger)
        await agent.setClient(publisher)

        // Services stop in reverse order: the agent reads the log to its end while the publisher still runs.
        let services = ServiceGroup(
            services: [PublisherService(publisher, logger: logger), agent],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        try await services.run()
    }
}
