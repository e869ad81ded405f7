import Diagnosis
import Synchronization
import TestSupport
import Testing

@testable import Agent

@Suite(.timeLimit(.minutes(1))) struct HeartbeatTests {
    private let log = LogCapture()

    @Test func anOutageIsLoggedOnceAndSoIsItsEnd() async throws {
        let away = ReportError(code: .unavailable, message: "away")
        let sender = ScriptedSender([
            .failure(away), .failure(ReportError(code: .deadlineExceeded, message: "slow")), .failure(away),
            .success(nil), .success(DiagnosisActionNote(actionClass: "NodeAction", content: "{}")),
        ])
        await Heartbeat(sender: sender, node: NodeIdentity(), interval: .zero, logger: log.logger).run()
        #expect(
            log.messages == [
                "A heartbeat failed; trying again.", "Heartbeats reach the master again.",
                "The master wants something done, which arobust does not do.",
            ])
    }
}

/// Gives its answers one after another, and is closed after the last.
private final class ScriptedSender: HeartbeatSender {
    private let answers: Mutex<[Result<DiagnosisActionNote?, ReportError>]>

    init(_ answers: [Result<DiagnosisActionNote?, ReportError>]) {
        self.answers = Mutex(answers)
    }

    func sendHeartbeat(at time: Int64, node: NodeIdentity) async throws(ReportError) -> DiagnosisActionNote? {
        let next = answers.withLock {
            $0.isEmpty ? .failure(ReportError(code: .closed, message: "")) : $0.removeFirst()
        }
        return try next.get()
    }
}
