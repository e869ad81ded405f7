import Foundation
import Glibc
import MasterClients
import NIOCore
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import DLRoverListener
@testable import GRPCServing

/// The server that speaks DLRover's HTTP, against real bytes.
@Suite(.timeLimit(.minutes(1))) struct PostServerTests {
    private func with(
        budget: RequestBudget = RequestBudget(), callers: ResolvedCallers = ResolvedCallers(users: [0, geteuid()]),
        registry: TelemetryRegistry = TelemetryRegistry(), grace: TimeAmount = .seconds(1),
        patience: TimeAmount = .seconds(30), requestPatience: TimeAmount = .seconds(60),
        answer: @escaping GRPCServer.AnswerPost = {
            PostAnswer(status: 200, body: ByteBuffer(bytes: Array(buffer: $0.body).reversed()))
        }, _ body: (Serving) async throws -> Void
    ) async throws {
        try await Serving.with(
            budget: budget, callers: callers, registry: registry, grace: grace, patience: patience,
            requestPatience: requestPatience, speaking: .http, answerPost: answer, body)
    }

    private static func closed(_ registry: TelemetryRegistry, _ reason: String) -> Bool {
        registry.text().contains(#"arobust_listener_closed_total{reason="\#(reason)"} 1"#)
    }

    // MARK: calls

    @Test func callsComeOneAfterTheOtherOnAConnectionThatIsKept() async throws {
        let posts = Mutex<[RelayedPost]>([])
        try await with(answer: { post in
            posts.withLock { $0.append(post) }
            return PostAnswer(status: 200, body: ByteBuffer(bytes: [1, 2]))
        }) { serving in
            let client = try await PostClient.connect(port: serving.port)
            client.send(PostClient.request("/report", [7], ["job_uid": "job-7"]))
            let first = try await client.answer()
            #expect(first.status == 200 && first.body == [1, 2] && first.headers["connection"] == nil)
            #expect(first.headers["content-type"] == "application/octet-stream")
            client.send(PostClient.request("/get", [], ["job_uid": nil]))
            #expect(try await client.answer(2).status == 200)
            #expect(posts.withLock { $0.map(\.path) } == [.report, .get])
            #expect(posts.withLock { $0.map(\.jobUID) } == ["job-7", nil])
            #expect(posts.withLock { $0.map { Array(buffer: $0.body) } } == [[7], []])
            try await eventually { serving.budget.reservedBytes == 0 }
            #expect(!client.raw.isClosed)
            await client.raw.close()
        }
    }

    @Test func aBodyMayComeInPiecesAndBeAskedFor() async throws {
        try await with { serving in
            let client = try await PostClient.connect(port: serving.port)
            let body = (0..<200).map { UInt8($0) }
            let request = PostClient.request("/report", body, ["Expect": "100-continue"])
            client.send(Array(request.dropLast(200)))
            try await eventually { String(decoding: client.raw.received, as: UTF8.self).contains("100 Continue") }
            for byte in body {
                client.send([byte])
                await Task.yield()
            }
            #expect(try await client.answer().body == body.reversed())
            await client.raw.close()
        }
    }

    @Test func whoWantsNoMoreIsClosedAfterTheAnswer() async throws {
        try await with { serving in
            for request in [
                PostClient.request("/get", [1], ["Connection": "close"]),
                // What is behind the first is thrown away: it is not a client of DLRover's.
                PostClient.request("/get", [1]) + PostClient.request("/get", [2]),
            ] {
                let client = try await PostClient.connect(port: serving.port)
                #expect(try await client.call(request).body == [1])
                try await eventually { client.raw.isClosed }
                #expect(PostClient.answers(in: client.raw.received).count == 1)
            }
        }
    }

    @Test func aClientThatGoesCancelsItsCall() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (cancelled, cancel) = AsyncStream.makeStream(of: Void.self)
        try await with(answer: { _ in
            start.yield()
            for await _ in AsyncStream<Never>.makeStream().stream {}
            cancel.yield()
            return PostAnswer(status: 503, "")
        }) { serving in
            let client = try await PostClient.connect(port: serving.port)
            client.send(PostClient.request("/get"))
            _ = await started.first { true }
            await client.raw.close()
            _ = await cancelled.first { true }
            try await eventually { serving.budget.reservedBytes == 0 && serving.server.connectionCount == 0 }
        }
    }

    @Test func aStopLetsTheCallEndThatIsUnderWay() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (releases, release) = AsyncStream.makeStream(of: Void.self)
        try await with(
            grace: .minutes(10),
            answer: { _ in
                start.yield()
                _ = await releases.first { true }
                return PostAnswer(status: 200, "done")
            }
        ) { serving in
            let idle = try await PostClient.connect(port: serving.port)
            let client = try await PostClient.connect(port: serving.port)
            client.send(PostClient.request("/get"))
            _ = await started.first { true }
            serving.server.stop()
            try await eventually { idle.raw.isClosed }
            #expect(!client.raw.isClosed)
            release.yield()
            let answer = try await client.answer()
            #expect(answer.text == "done" && answer.headers["connection"] == "close")
            await client.raw.close()
        }
    }

    // MARK: what is no call

    private static let refused: [(request: [UInt8], status: Int, words: String)] = [
        (PostClient.request("/"), 404, "POST /report and POST /get"),
        (PostClient.request("/report?x=1"), 404, "POST /report"),
        (PostClient.request("/report", method: "GET"), 405, "POST"),
        (PostClient.request("/report", method: "OPTIONS"), 405, "POST"),
        (PostClient.request(["Content-Type": "text/plain"]), 415, "application/json"),
        (PostClient.request(["Content-Type": "application/x-www-form-urlencoded"]), 415, "application/json"),
        (PostClient.request(["Content-Type": nil]), 415, "application/json"),
        (PostClient.request(["Content-Encoding": "gzip"]), 415, "compressed"),
        (PostClient.request(["Content-Length": nil]), 411, "Content-Length"),
        (PostClient.request(["Content-Length": nil, "Transfer-Encoding": "chunked"]), 411, "Content-Length"),
        (PostClient.request(["Content-Length": "104857601"]), 413, "104857600"),
        (PostClient.request(["job_uid": String(repeating: "j", count: 1025)]), 400, "job_uid"),
        (PostClient.request(["X-Long": String(repeating: "x", count: 17_000)]), 431, "16384"),
        (PostClient.request("/\(String(repeating: "x", count: 17_000))"), 431, "16384"),
        (Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8), 400, "HTTP/1.1"),
        (Array("nonsense\r\n\r\n".utf8), 400, "HTTP/1.1"),
    ]

    @Test(arguments: refused.indices) func whatIsNoCallIsAnsweredAndEndsTheConnection(index: Int) async throws {
        let (request, status, words) = Self.refused[index]
        try await with { serving in
            let client = try await PostClient.connect(port: serving.port)
            let answer = try await client.call(request)
            #expect(answer.status == status && answer.text.contains(words), "\(answer)")
            #expect(answer.headers["content-type"] == "text/plain; charset=utf-8")
            try await eventually { client.raw.isClosed }
            try await eventually { serving.budget.reservedBytes == 0 }
        }
    }

    @Test(
        arguments: [
            ["Origin": "http://127.0.0.1:50052"], ["Origin": "null"], ["Referer": "http://a.example/"],
            ["Sec-Fetch-Site": "same-origin"], ["Host": "evil.example:50052"], ["Host": nil],
        ] as [[String: String?]])
    func aWebPageMayNotCall(changes: [String: String?]) async throws {
        let registry = TelemetryRegistry()
        try await with(registry: registry) { serving in
            let answer = try await PostClient.connect(port: serving.port).call(PostClient.request(changes))
            #expect(answer.status == 403 || answer.status == 400)
            #expect(answer.headers.keys.allSatisfy { !$0.hasPrefix("access-control") })
            #expect(Self.closed(registry, "browser") == (answer.status == 403))
        }
    }

    @Test func aStrangerIsToldSoWhateverTheyAsk() async throws {
        let registry = TelemetryRegistry()
        try await with(callers: ResolvedCallers(users: []), registry: registry) { serving in
            let client = try await PostClient.connect(port: serving.port)
            // Longer than a socket's buffers take while nobody reads.
            let answer = try await client.call(PostClient.request("/any", Array(repeating: 7, count: 700_000)))
            #expect(answer.status == 403 && answer.text.contains("listen-allow"))
            try await eventually { client.raw.isClosed }
            #expect(Self.closed(registry, "stranger"))
        }
    }

    // MARK: what costs

    @Test func whoSaysNothingIsClosed() async throws {
        let registry = TelemetryRegistry()
        try await with(registry: registry, patience: .milliseconds(50)) { serving in
            let silent = try await RawClient.connect(port: serving.port)
            try await eventually { silent.isClosed }
            let slow = try await RawClient.connect(port: serving.port)
            slow.send("POST /report HTTP/1.1\r\nHost: 127.0.0.1\r\n".utf8)
            try await eventually { slow.isClosed }
            #expect(registry.text().contains(#"arobust_listener_closed_total{reason="silent"} 2"#))
        }
    }

    @Test func aBodyThatDoesNotComeAndAConnectionThatIsNotUsedEnd() async throws {
        try await with(requestPatience: .milliseconds(200)) { serving in
            let client = try await PostClient.connect(port: serving.port)
            let answer = try await client.call(Array(PostClient.request("/report", [1, 2, 3]).dropLast()))
            #expect(answer.status == 408 && answer.text.contains("did not come within"))
            try await eventually { client.raw.isClosed && serving.budget.reservedBytes == 0 }
            let idle = try await PostClient.connect(port: serving.port)
            #expect(try await idle.call(PostClient.request()).status == 200)
            try await eventually { idle.raw.isClosed }
        }
    }

    @Test func aClientThatDoesNotTakeItsAnswerIsClosed() async throws {
        let registry = TelemetryRegistry()
        let long = ByteBuffer(repeating: 0, count: 64 << 20)
        try await with(
            registry: registry, requestPatience: .milliseconds(300),
            answer: { _ in PostAnswer(status: 200, body: long) }
        ) { serving in
            let client = RawSocket(port: serving.port)
            client.send(PostClient.request("/get"))
            try await eventually { Self.closed(registry, "unread") }
            try await eventually { serving.budget.reservedBytes == 0 && serving.server.connectionCount == 0 }
            client.close()
        }
    }

    @Test func bodiesBeyondTheBudgetAreRefusedUntilThereIsRoom() async throws {
        try await with(budget: RequestBudget(capacity: 40_000)) { serving in
            let first = try await PostClient.connect(port: serving.port)
            let request = PostClient.request("/report", Array(repeating: 1, count: 20_000))
            first.send(Array(request.dropLast()))
            try await eventually { serving.budget.reservedBytes > 20_000 }
            let answer = try await PostClient.connect(port: serving.port).call(request)
            #expect(answer.status == 429 && answer.text.contains("as many requests as it may"))
            first.send([1])
            #expect(try await first.answer().status == 200)
            try await eventually { serving.budget.reservedBytes == 0 }
            #expect(try await PostClient.connect(port: serving.port).call(request).status == 200)
            await first.raw.close()
        }
    }

    @Test func whatNoRequestAnnouncesIsAFlood() async throws {
        for bytes in [
            Array(repeating: UInt8(ascii: "\n"), count: 100_000),
            PostClient.request(["Content-Length": "104857601"]) + Array(repeating: 1, count: 2_000_000),
        ] {
            let registry = TelemetryRegistry()
            try await with(registry: registry, grace: .seconds(600)) { serving in
                // One that does not close when it is told that nothing more comes.
                let client = RawSocket(port: serving.port)
                Thread.detachNewThread { client.send(bytes) }
                try await eventually { Self.closed(registry, "flood") && serving.server.connectionCount == 0 }
                client.close()
            }
        }
    }
}

/// A socket of which nobody reads.
private struct RawSocket {
    private let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)

    init(port: Int) {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(result == 0)
    }

    /// Returns early if the other side closes.
    func send(_ bytes: [UInt8]) { _ = Glibc.send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL)) }

    func close() { Glibc.close(descriptor) }
}
