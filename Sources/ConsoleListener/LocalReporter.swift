internal import ConsoleStore
package import Diagnosis
package import MasterClients

/// Reports to a console in this process what a state directory of this machine holds.
package struct LocalReporter: EnvelopeReporter, BeatSender {
    /// The console tells duplicates and gaps by a lane's sequences.
    package let needsLanesInOrder = true
    private let intake: any ConsoleIntake

    package init(intake: any ConsoleIntake) {
        self.intake = intake
    }

    package func report(_ batch: EnvelopeBatch) async -> ReportOutcome {
        guard !batch.isEmpty else { return ReportOutcome(accepted: 0) }
        do throws(ReportError) {
            let receipt = try await intake.take([batch], from: .stateDirectory)
            return ReportOutcome(accepted: receipt.finished, skipped: receipt.skipped)
        } catch {
            return ReportOutcome(accepted: 0, failure: .init(count: batch.count, error: error))
        }
    }

    package func send(_ beat: NodeBeat) async throws(ReportError) {
        await intake.heard(beat, from: .stateDirectory)
    }

    package func close() async {}
}
