import CZeroMQ
import Diagnosis
import SystemSupport
import Testing
import TestSupport

@testable import ZMQBridge

@Suite(.timeLimit(.minutes(1))) struct IngestTests {
    private func withIngest(
        _ body: (MetricPublisher, Received, MetricSubscriber) async throws -> Void
    ) async throws {
        let scratch = ScratchFolder()
        let publisher = try await MetricPublisher.open(in: scratch.stateDirectory())
        let server = try publisher.makeIngestServer(node: NodeIdentity(id: 9, rank: 4))
        let serving = Task { try await server.run() }
        try await withBeat(of: publisher) {
            try await withSubscriber([BusEndpoint(publisher.directory)]) { subscriber, received in
                try await body(publisher, received, subscriber)
            }
        }
        serving.cancel()
        try await serving.value
    }

    private func ask(_ directory: StateDirectory, _ bodies: [String]) async throws -> IngestAnswer {
        try await PinnedThread.run(name: "test-ingest", onCancel: {}) {
            var client = try IngestClient(directory: directory)
            #expect(try client.submit(bodies.map { Array($0.utf8) }, patience: .seconds(20)))
            return try #require(try client.awaitAnswer(timeout: .seconds(20)))
        }
    }

    @Test func takesMetricsFillsInWhatIsMissingAndAnswers() async throws {
        try await withIngest { publisher, received, subscriber in
            let answer = try await ask(
                publisher.directory,
                [
                    #"{"data_type": "A", "data_content": "1"}"#,
                    #"{"data_type": "A", "data_content": "2", "node_rank": 7, "node_id": 1, "timestamp": 5}"#,
                ])
            #expect(answer == IngestAnswer(accepted: 2, refused: []))
            await subscriber.catchUp(with: publisher)
            #expect(received.contents == ["1", "2"])
        }
    }

    @Test func namesEachMetricThatItRefusesAndTakesTheOthers() async throws {
        try await withIngest { publisher, received, subscriber in
            let answer = try await ask(
                publisher.directory,
                [
                    "nonsense", #"{"data_content": "x"}"#, #"{"data_type": "A", "data_content": "good"}"#,
                    #"{"data_type": "A"}"#, #"{"data_type": "A/B", "data_content": "x"}"#,
                    #"{"data_type": "A", "data_content": "x", "node_type": "$"}"#,
                    #"{"data_type": "A", "data_content": "x", "id": 1}"#,
                ])
            #expect(answer.accepted == 1)
            #expect(answer.refused.map(\.index) == [0, 1, 3, 4, 5, 6])
            let words = [
                "'{'", "data_type is missing", "data_content is missing", "A/B", "node_type", "unknown key 'id'",
            ]
            for (refusal, word) in zip(answer.refused, words) {
                #expect(refusal.reason.contains(word), "\(refusal)")
            }
            await subscriber.catchUp(with: publisher)
            #expect(received.contents == ["good"])
        }
    }

    @Test func takesWhatIsPushedWithoutAnAnswer() async throws {
        try await withIngest { publisher, received, subscriber in
            let endpoint = "ipc://" + publisher.directory.pushSocket
            let socket = try ZMQSocket(.push, in: ZMQContext())
            try socket.set(ZMQ_LINGER, Int32(5000))
            try socket.connect(endpoint)
            #expect(try socket.send([Array(#"{"data_type": "A", "data_content": "pushed"}"#.utf8)]))
            await subscriber.wait { $0.received == 1 }
            #expect(received.contents == ["pushed"])
        }
    }

    /// What came as JSON goes on as if it had been a text between.
    @Test(arguments: [
        "plain", #"lines\nof\ttext, \"quoted\", C:\\temp"#, "é 漢 😀", #"\u00e9 \ud83d\ude00 \u0041 \/ \u001b[31m"#,
        #"half \ud83d of a pair"#, #"\b\f\r"#, "",
    ])
    func encodesAsTheMetricThatItDescribes(content: String) throws {
        let json =
            #"{"data_content": "\#(content)", "data_type": "A", "node_type": "w\u006frker", "need_report": true}"#
        let node = NodeIdentity(id: 9, type: "ps", rank: 4)
        let given = try IngestRequest.metric(Array(json.utf8)[...], node: node)
        var metric = try MetricBody(checking: Array(json.utf8)[...]).metric
        (metric.timestamp, metric.node) = (given.timestamp, NodeIdentity(id: 9, type: "worker", rank: 4))
        let (one, other) = (try EncodedMetrics([given]), try EncodedMetrics([metric]))
        #expect(one.bodies == other.bodies)
        #expect(one.topics == other.topics)
        #expect(one.items.map(\.bodyEnd) == other.items.map(\.bodyEnd))
    }

    @Test(
        arguments: [
            ([[9], [], [1]], true, [[9], []], [[1]]),
            ([[9], [7], [], [1], [2]], true, [[9], [7], []], [[1], [2]]),
            ([[9], [1]], true, [[9]], [[1]]),
            ([[1], [2]], false, [], [[1], [2]]),
        ] as [([[UInt8]], Bool, [[UInt8]], [[UInt8]])])
    func findsTheReturnPath(message: [[UInt8]], isAnswered: Bool, path: [[UInt8]], bodies: [[UInt8]]) {
        let request = IngestRequest(message: message, isAnswered: isAnswered)
        #expect(request.returnPath == path)
        #expect(Array(request.bodies) == bodies)
    }
}
