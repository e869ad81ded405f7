import Logging
import NIOCore
import NIOHTTP2
import Synchronization
import Testing

@testable import MasterClients

@Suite(.timeLimit(.minutes(1))) struct GRPCClientTests {
    private func client(
        _ port: Int, timeout: Duration = .seconds(30), connectTimeout: Duration = .seconds(5), firstStreamID: Int = 1
    ) -> GRPCClient {
        GRPCClient(
            host: "127.0.0.1", port: port, metadata: [("user-agent", "arobust/1"), ("job_uid", "")], timeout: timeout,
            connectTimeout: connectTimeout, firstStreamID: firstStreamID, logger: Logger(label: "test"))
    }

    private static func request(_ bytes: Int = 10) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeMultipleIntegers(UInt8(0), UInt32(bytes))
        let block = (0..<min(bytes, 10_007)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        while buffer.readableBytes < 5 + bytes {
            buffer.writeBytes(block.prefix(5 + bytes - buffer.readableBytes))
        }
        return buffer
    }

    private static func call(_ client: GRPCClient, _ request: ByteBuffer = request()) async -> GRPCCall.Outcome {
        await client.call(client.headers(path: "/elastic.Master/report"), request)
    }

    /// The answer's message, or `nil` for a failure or another status than OK.
    private static func message(_ outcome: GRPCCall.Outcome) -> [UInt8]? {
        guard case .success(let answer) = outcome, answer.status.code == .ok else { return nil }
        return answer.message.map { Array(buffer: $0) }
    }

    private static func failure(_ outcome: GRPCCall.Outcome) -> GRPCFailure? {
        if case .failure(let failure) = outcome { failure } else { nil }
    }

    private static func unavailable(_ outcome: GRPCCall.Outcome) -> String? {
        if case .failure(.unavailable(let reason)) = outcome { reason } else { nil }
    }

    // MARK: calls that work

    @Test func `sends the headers that a master expects`() async throws {
        let server = try await H2Server.start()
        let client = client(server.port)
        async let outcome = Self.call(client)
        var exchanges = server.exchanges.makeAsyncIterator()
        let exchange = try #require(await exchanges.next())
        #expect(
            exchange.headers == [
                ":method": "POST", ":scheme": "http", ":path": "/elastic.Master/report",
                ":authority": "127.0.0.1:\(server.port)", "te": "trailers", "content-type": "application/grpc",
                "grpc-timeout": "30S", "grpc-accept-encoding": "identity", "user-agent": "arobust/1", "job_uid": "",
            ])
        #expect(exchange.body == Self.request())
        exchange.perform(H2Server.Step.good())
        #expect(await Self.message(outcome) == [8, 1])
        await client.close()
        await server.stop()
    }

    @Test func `an answer in many pieces is put together`() async throws {
        let server = try await H2Server.start { _ in
            [.head] + [0, 0, 0, 0, 4, 1, 2, 3, 4].map { .data([$0], isEnd: false) } + [.trailers(0)]
        }
        let client = client(server.port)
        #expect(Self.message(await Self.call(client)) == [1, 2, 3, 4])
        await client.close()
        await server.stop()
    }

    @Test func `an empty message is one`() async throws {
        let server = try await H2Server.start { _ in H2Server.Step.good([]) }
        let client = client(server.port)
        #expect(Self.message(await Self.call(client)) == [])
        await client.close()
        await server.stop()
    }

    @Test(arguments: [(4_089_446, 65535), (1 << 20, 4096)])
    func `a large request arrives whole through small windows`(_ bytes: Int, _ window: Int) async throws {
        let server = try await H2Server.start(.init(window: window))
        let client = client(server.port)
        let request = Self.request(bytes)
        async let outcome = Self.call(client, request)
        var exchanges = server.exchanges.makeAsyncIterator()
        let exchange = try #require(await exchanges.next())
        #expect(exchange.body == request)
        exchange.perform(H2Server.Step.good())
        #expect(await Self.message(outcome) == [8, 1])
        await client.close()
        await server.stop()
    }

    @Test func `one connection carries many times the bytes of its window`() async throws {
        let answer = [UInt8](repeating: 7, count: 10_000)
        let server = try await H2Server.start { _ in H2Server.Step.good(answer) }
        let client = client(server.port)
        let good = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    var good = 0
                    for _ in 0..<100 where Self.message(await Self.call(client)) == answer { good += 1 }
                    return good
                }
            }
            return await group.reduce(0, +)
        }
        #expect(good == 2000)
        #expect(good * answer.count > 4 * GRPCWindow.connection)
        #expect(server.connectionCount == 1)
        await client.close()
        await server.stop()
    }

    @Test func `no more calls are under way than the server allows`() async throws {
        let server = try await H2Server.start(.init(maxStreams: 1))
        let client = client(server.port)
        async let outcomes = withTaskGroup(of: Bool.self) { group in
            for _ in 0..<5 { group.addTask { Self.message(await Self.call(client)) != nil } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var count = 0
        for await exchange in server.exchanges {
            exchange.perform(H2Server.Step.good())
            await exchange.closed()
            count += 1
            if count == 5 { break }
        }
        // A server with this setting refuses a second stream; none was refused.
        #expect(await outcomes == [true, true, true, true, true])
        #expect(server.connectionCount == 1)
        await client.close()
        await server.stop()
    }

    @Test func `when stream ids are used up a new connection is made`() async throws {
        let server = try await H2Server.start { _ in H2Server.Step.good() }
        let client = client(server.port, firstStreamID: Int(Int32.max) - 2)
        for _ in 0..<5 { #expect(Self.message(await Self.call(client)) == [8, 1]) }
        #expect(server.connectionCount == 3)
        await client.close()
        await server.stop()
    }

    // MARK: statuses and answers that are none

    @Test func `a status without a message is read, its text decoded`() async throws {
        let server = try await H2Server.start { _ in
            H2Server.Step.trailersOnly(2, "Exception calling application: %C3%A9 100%25")
        }
        let client = client(server.port)
        guard case .success(let answer) = await Self.call(client) else {
            Issue.record("no answer")
            return
        }
        #expect(answer.status == GRPCStatus(code: .unknown, message: "Exception calling application: é 100%"))
        await client.close()
        await server.stop()
    }

    struct BadAnswer: CustomTestStringConvertible {
        var testDescription: String
        var steps: [H2Server.Step]

        init(_ text: String, _ steps: [H2Server.Step]) {
            testDescription = text
            self.steps = steps
        }
    }

    @Test(arguments: [
        BadAnswer("HTTP status 503 without", [.headers([(":status", "503")], isEnd: true)]),
        BadAnswer(
            "content type text/html", [.headers([(":status", "200"), ("content-type", "text/html")], isEnd: false)]),
        BadAnswer("trailers have no grpc-status", [.head, .message([1]), .headers([("x", "y")], isEnd: true)]),
        BadAnswer("without trailers", [.head, .data([0, 0, 0, 0, 0], isEnd: true)]),
        BadAnswer("not one uncompressed message", [.head, .trailers(0)]),
        BadAnswer("not one uncompressed message", [.head, .data([1, 0, 0, 0, 0], isEnd: false), .trailers(0)]),
        BadAnswer("not one uncompressed message", [.head, .data([0, 0, 0, 0, 9], isEnd: false), .trailers(0)]),
        BadAnswer("not one uncompressed message", [.head, .message([1]), .message([1]), .trailers(0)]),
        BadAnswer("longer than", [.head, .message([UInt8](repeating: 0, count: 3 << 20)), .trailers(0)]),
    ])
    func `what is no gRPC is told apart, and the connection goes on`(_ answer: BadAnswer) async throws {
        let server = try await H2Server.start { $0.body.readableBytes == 5 ? H2Server.Step.good() : answer.steps }
        let client = client(server.port)
        guard case .notGRPC(let reason) = Self.failure(await Self.call(client)) else {
            Issue.record("no failure")
            return
        }
        #expect(reason.contains(answer.testDescription), "\(reason)")
        #expect(Self.message(await Self.call(client, Self.request(0))) == [8, 1])
        #expect(server.connectionCount == 1)
        await client.close()
        await server.stop()
    }

    @Test func `an answer before the end of the request frees the connection`() async throws {
        let server = try await H2Server.start(.init(isEarly: true)) { _ in H2Server.Step.trailersOnly(8, "too large") }
        let client = client(server.port)
        for _ in 0..<3 {
            guard case .success(let answer) = await Self.call(client, Self.request(3_000_000)) else {
                Issue.record("no answer")
                return
            }
            #expect(answer.status == GRPCStatus(code: .resourceExhausted, message: "too large"))
        }
        #expect(server.connectionCount == 1)
        await client.close()
        await server.stop()
    }

    // MARK: calls and connections that break

    @Test func `a reset call fails alone`() async throws {
        let server = try await H2Server.start {
            $0.body.readableBytes == 5 ? H2Server.Step.good() : [.reset(.refusedStream)]
        }
        let client = client(server.port)
        #expect(Self.unavailable(await Self.call(client))?.contains("REFUSED_STREAM") == true)
        #expect(Self.message(await Self.call(client, Self.request(0))) == [8, 1])
        #expect(server.connectionCount == 1)
        await client.close()
        await server.stop()
    }

    @Test func `a call that is not answered ends at its deadline, and the server is told`() async throws {
        let unanswered = Mutex<[H2Exchange]>([])
        let server = try await H2Server.start { exchange in
            unanswered.withLock { $0.append(exchange) }
            return []
        }
        // On a busy machine a deadline may pass before the call has gone out, and a connection may take long.
        let client = client(server.port, timeout: .milliseconds(200), connectTimeout: .seconds(120))
        while unanswered.withLock(\.count) < 2 {
            let failure = Self.failure(await Self.call(client))
            #expect(failure == .deadlineExceeded)
        }
        for exchange in unanswered.withLock({ $0 }) { await exchange.closed() }
        await client.close()
        await server.stop()
    }

    @Test func `GOAWAY lets finish what the server took, and new calls take a new connection`() async throws {
        let server = try await H2Server.start()
        let client = client(server.port)
        var exchanges = server.exchanges.makeAsyncIterator()
        async let first = Self.call(client)
        let firstExchange = try #require(await exchanges.next())
        async let second = Self.call(client)
        let secondExchange = try #require(await exchanges.next())
        secondExchange.perform([.goAway(last: 1, .noError)])
        #expect(await Self.unavailable(second)?.contains("closing the connection") == true)
        async let third = Self.call(client)
        let thirdExchange = try #require(await exchanges.next())
        thirdExchange.perform(H2Server.Step.good([3]))
        #expect(await Self.message(third) == [3])
        #expect(server.connectionCount == 2)
        firstExchange.perform(H2Server.Step.good([1]))
        #expect(await Self.message(first) == [1])
        await client.close()
        await server.stop()
    }

    @Test func `GOAWAY with an error is told to those it concerns`() async throws {
        let server = try await H2Server.start { _ in [.goAway(last: 0, .enhanceYourCalm)] }
        let client = client(server.port)
        #expect(Self.unavailable(await Self.call(client))?.contains("ENHANCE_YOUR_CALM") == true)
        await client.close()
        await server.stop()
    }

    @Test func `a connection that breaks fails its calls, and the next call makes a new one`() async throws {
        let server = try await H2Server.start { $0.body.readableBytes == 5 ? H2Server.Step.good() : [.close] }
        let client = client(server.port)
        for attempt in 1...3 {
            #expect(Self.unavailable(await Self.call(client)) == "the master closed the connection")
            #expect(server.connectionCount == attempt)
        }
        #expect(Self.message(await Self.call(client, Self.request(0))) == [8, 1])
        await client.close()
        await server.stop()
    }

    @Test func `nobody at the port is an error with the place and the reason`() async throws {
        let client = client(1)  // not one that the kernel may give to another test's server
        for _ in 0..<2 {
            #expect(
                Self.unavailable(await Self.call(client)) == "no connection: Connection refused")
        }
        await client.close()
    }

    @Test func `a server that says nothing is given up`() async throws {
        let server = try await RawServer.start(saying: nil)
        let client = client(server.port, connectTimeout: .seconds(1))
        #expect(Self.unavailable(await Self.call(client))?.contains("does not speak HTTP/2") == true)
        await client.close()
        let impatient = self.client(server.port, timeout: .milliseconds(100))
        #expect(Self.failure(await Self.call(impatient)) == .deadlineExceeded)
        await impatient.close()
        await server.stop()
    }

    @Test func `a server that speaks HTTP/1 is told apart`() async throws {
        let server = try await RawServer.start(saying: "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
        let client = client(server.port)
        let reason = Self.unavailable(await Self.call(client))
        #expect(reason?.contains("not the HTTP/2 that is expected") == true, "\(reason ?? "")")
        await client.close()
        await server.stop()
    }

    // MARK: ending

    @Test func `closing ends what is under way and refuses what comes after`() async throws {
        let server = try await H2Server.start()
        let client = client(server.port)
        async let outcome = Self.call(client)
        var exchanges = server.exchanges.makeAsyncIterator()
        let exchange = try #require(await exchanges.next())
        await client.close()
        #expect(await Self.failure(outcome) == .closed)
        await exchange.closed()
        #expect(Self.failure(await Self.call(client)) == .closed)
        await client.close()
        await server.stop()
    }

    @Test func `closing while connecting ends the call`() async throws {
        let server = try await RawServer.start(saying: nil)
        let client = client(server.port)
        async let outcome = Self.call(client)
        await client.close()
        #expect(await Self.failure(outcome) == .closed)
        await server.stop()
    }

    @Test func `a cancelled task's call ends, and the server is told`() async throws {
        let server = try await H2Server.start()
        let client = client(server.port)
        let task = Task { await Self.call(client) }
        var exchanges = server.exchanges.makeAsyncIterator()
        let exchange = try #require(await exchanges.next())
        task.cancel()
        #expect(Self.failure(await task.value) == .cancelled)
        await exchange.closed()
        await client.close()
        await server.stop()
    }

    @Test(arguments: [
        (Duration.seconds(10), "10S"), (.milliseconds(1500), "1500m"), (.milliseconds(1), "1m"),
        (.nanoseconds(5), "1m"),
        (.seconds(86400), "86400S"),
    ])
    func `the deadline is told in gRPC's units`(_ timeout: Duration, _ text: String) {
        #expect(GRPCTimeout.encode(timeout) == text)
    }
}
