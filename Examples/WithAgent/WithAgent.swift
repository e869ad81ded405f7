import Agent
import Diagnosis
import MasterClients

/// The guide's first way: an agent passes the master's client to all its collectors.
///
///     swift run WithAgent /path/to/training.log localhost:50051
@main
struct WithAgent {
    static func main() async throws {
        let log = CommandLine.arguments.dropFirst().first ?? "training.log"
        let master = CommandLine.arguments.dropFirst(2).first ?? "localhost:50051"

        // The master's client.
        let client = try MasterURL(master).makeReporter()

        // The agent, with a collector for the log, and others that the environment asks for (XPU_TIMER_PORT).
        let agent = try DiagnosisAgent.shared(trainingLogFile: log, nodeRank: 0)

        // All collectors get the client, including those registered later.
        await agent.setClient(client)

        await agent.start()
        // Here the training runs.
        try await Task.sleep(for: .seconds(2))
        await agent.stop()
        await client.close()
    }
}
