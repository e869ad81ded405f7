import Diagnosis
import Synchronization
import TestSupport
import Testing
import ZMQBridge

@testable import Commands

@Suite(.timeLimit(.minutes(1))) struct PublishCommandTests {
    private let scratch = ScratchFolder()
    private let said = Said()

    /// Publishes a text as the command does, and returns how that ended.
    private func publish(
        _ text: String, timeout: Duration = .seconds(50)
    ) async throws -> LinePublishing.Outcome {
        let directory = try StateDirectory(path: scratch.path)
        let pipe = try Pipe()
        pipe.write(text)
        pipe.closeWriting()
        // Blocking, so on none of Swift's own threads.
        return try await Task.detached { [said] in
            var publishing = try LinePublishing(directory: directory, timeout: timeout) { said.add($0) }
            return try publishing.publish(InputLines(publishing: pipe.reading))
        }.value
    }

    private func withPublisher(_ body: (MetricPublisher) async throws -> Void) async throws {
        let publisher = try await MetricPublisher.open(in: StateDirectory(path: scratch.path))
        let ingest = try publisher.makeIngestServer(node: NodeIdentity())
        try await withThrowingTaskGroup { group in
            group.addTask { try await ingest.run() }
            try await body(publisher)
            group.cancelAll()
        }
    }

    @Test func linesArePublishedAndBlankOnesAreNone() async throws {
        try await withPublisher { _ in
            let outcome = try await publish(
                """
                {"data_type": "A", "data_content": "1"}
                \u{20}\t
                {"data_type": "A", "data_content": "2"}\r
                """)
            #expect(outcome == .allTaken)
            #expect(said.lines.isEmpty)
        }
    }

    @Test func aLineThatIsRefusedIsNamedAndTheOthersGoThrough() async throws {
        try await withPublisher { _ in
            let outcome = try await publish(
                """
                {"data_type": "A", "data_content": "1"}

                nonsense
                {"data_type": "A"}
                """)
            #expect(outcome == .someRefused)
            #expect(said.lines.count == 3)
            #expect(said.lines.first?.hasPrefix("line 3: ") == true)
            #expect(said.lines.dropFirst().first?.hasPrefix("line 4: ") == true)
            #expect(said.lines.last == "Error: 2 of 3 metrics were refused; the others are published")
        }
    }

    @Test func withoutAPublisherItSaysSoAndEnds() async throws {
        let outcome = try await publish(#"{"data_type": "A", "data_content": "1"}"#, timeout: .milliseconds(20))
        #expect(outcome == .noAnswer)
        let endpoint = "ipc://\(scratch.path)/ingest.sock"
        #expect(
            said.lines == [
                "Waiting for a publisher at \(endpoint)",
                "Error: no publisher is at \(endpoint); does an agent run with this state directory?",
            ])
    }

    @Test func anEmptyInputIsAllTaken() async throws {
        #expect(try await publish("") == .allTaken)
    }

    private final class Said: Sendable {
        private let all = Mutex<[String]>([])

        var lines: [String] { all.withLock { $0 } }
        func add(_ line: String) { all.withLock { $0.append(line) } }
    }
}
