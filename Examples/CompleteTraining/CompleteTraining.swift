import Agent
import Diagnosis
import Foundation
import Logging
import MasterClients

/// The guide's complete example: a training with an agent in its process, and a diagnosis when it fails.
///
///     swift run CompleteTraining /tmp/training.log localhost:50051
@main
struct CompleteTraining {
    static func main() async throws {
        let log = CommandLine.arguments.dropFirst().first ?? "/tmp/training.log"
        let master = CommandLine.arguments.dropFirst(2).first ?? "localhost:50051"

        // 1. The master's client.
        let client = try MasterURL(master).makeReporter()

        // 2. The agent. With the number of ranks on this node, their Python stacks are dumped too.
        let agent = try DiagnosisAgent.shared(trainingLogFile: log, nodeRank: 0, localWorldSize: 4)

        // 3. Your own collector, besides those for log, metrics and stacks; and the client for all of them.
        await agent.register(LoadCollector(), every: .seconds(30))
        await agent.setClient(client)

        // 4. Start.
        await agent.start()

        // 5. Train; the collectors report meanwhile.
        do {
            try await train(log: log)
        } catch {
            // 6. Find out why it failed.
            let verdict = await agent.diagnoseTrainingFailure(failures: ["error": "\(error)"], restartCount: 0)
            print("Diagnosis action: \(verdict.action.type)")
            print("Because: \(verdict.reason)")
        }

        // 7. Stop: the rest of the log is reported.
        await agent.stop()
        await client.close()
    }

    /// Stands in for the training: writes its log, and fails.
    static func train(log: String) async throws {
        try Data().write(to: URL(filePath: log))
        let file = try FileHandle(forWritingTo: URL(filePath: log))
        for step in 1...10 {
            try file.write(contentsOf: Data("step \(step) loss \(1 / Double(step))\n".utf8))
            try await Task.sleep(for: .milliseconds(100))
        }
        try file.write(
            contentsOf: Data("[rank0]: RuntimeError: CUDA error: uncorrectable ECC error encountered\n".utf8))
        throw TrainingError(reason: "rank 0 ended with exit code 1")
    }
}

struct TrainingError: Error, CustomStringConvertible {
    let reason: String

    var description: String { reason }
}
