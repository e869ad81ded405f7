import MasterClients
import NIOCore
import NIOHTTP2
import Synchronization
import TestSupport
import Testing

@testable import DLRoverListener
@testable import GRPCServing

/// The server against real bytes.
@Suite(.timeLimit(.minutes(1))) struct GRPCServerTests {
    @Test func anAnswerHasHeadersAMessageAndTrailers() async throws {
        try await Serving.withClient { client in
            let answer = try await client.call(1, [1, 2, 3])
            #expect(answer.headers.first == [":status": "200", "content-type": "application/grpc"])
            #expect(answer.body == WireClient.framed([3, 2, 1]))
            #expect(answer.headers.last == ["grpc-status": "0"] && answer.headers.count == 2 && answer.isEnd)
            #expect(try await client.call(3, []).body == WireClient.framed([]))
        }
    }

    @Test func theServersSettingsLetAClientDoMuchAtOnce() async throws {
        try await Serving.withClient { client in
            let settings = client.settings.reduce(into: [:]) { $0[$1.parameter] = $1.value }
            #expect(
                settings[.maxConcurrentStreams] == 512 && settings[.maxHeaderListSize] == 16384
                    && settings[.initialWindowSize] == 1 << 20)
        }
    }

    @Test func aRequestMayComeInManyFrames() async throws {
        try await Serving.withClient { client in
            client.begin(1)
            for byte in WireClient.framed([1, 2, 3]) { client.data(1, [byte]) }
            client.data(1, [], isEnd: true)
            let answer = try await client.end(1)
            #expect(answer.status == "0" && answer.body == WireClient.framed([3, 2, 1]))
        }
    }

    @Test func aLargeMessageGoesThroughTheWindowsBothWays() async throws {
        try await Serving.with { serving in
            let url = try MasterURL("127.0.0.1:\(serving.port)")
            let client = try #require(try url.makeRelay(options: MasterClientOptions(), logger: LogCapture().logger))
            let message = ByteBuffer(bytes: (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0) })
            let answer = try await client.answer(
                to: RelayedCall(path: "/a.B/C", metadata: [], message: message, timeout: nil))
            #expect(Array(buffer: answer) == Array(buffer: message).reversed())
            try await eventually { serving.budget.reservedBytes == 0 }
            await client.close()
        }
    }

    @Test func whatIsNoCallHasAStatusAndTheConnectionGoesOn() async throws {
        try await Serving.withClient { client in
            #expect(try await client.call(1, [1], ["content-type": "text/plain"]).headers == [[":status": "415"]])
            #expect(try await client.call(3, [1], ["content-type": nil]).headers == [[":status": "415"]])
            #expect(try await client.call(5, [1], ["te": nil]).status == "0")
            let get = try await client.call(7, [1], [":method": "GET"])
            #expect(get.status == "3" && get.headers.count == 1 && get.headers.first?[":status"] == "200")
            #expect(try await client.call(9, [1], [":path": "/elastic.Master"]).status == "12")
            let encoding = try await client.call(11, [1], ["grpc-encoding": "snappy"])
            #expect(encoding.status == "12" && encoding.message?.contains("'snappy'") == true)
            #expect(encoding.headers.last?["grpc-accept-encoding"] == "identity,deflate,gzip")
            #expect(try await client.call(13, [1]).status == "0")
        }
    }

    @Test func framesThatAreNoMessageHaveAStatusAndTheConnectionGoesOn() async throws {
        try await Serving.withClient { client in
            client.begin(1)
            client.data(1, WireClient.framed([1]) + WireClient.framed([2]), isEnd: true)
            #expect(try await client.end(1).status == "12")
            client.begin(3)
            client.data(3, [0, 0, 0, 0, 9, 1, 2], isEnd: true)
            #expect(try await client.end(3).status == "13")
            client.begin(5, isEnd: true)
            #expect(try await client.end(5).status == "13")
            // Announced as 256 MiB and a byte: refused before it is sent.
            client.begin(7)
            client.data(7, [0, 0x10, 0, 0, 1])
            let long = try await client.end(7)
            #expect(long.status == "8" && long.message?.contains("(268435457 vs. 268435456)") == true)
            client.data(7, [1, 2, 3], isEnd: true)
            #expect(try await client.call(9, [1]).status == "0")
        }
    }

    @Test func compressedCallsAreAnswered() async throws {
        try await Serving.withClient { client in
            client.begin(1, ["grpc-encoding": "gzip"])
            client.data(1, WireClient.framed(Compressed.gzip([1, 2, 3]), flag: 1), isEnd: true)
            let gzip = try await client.end(1)
            #expect(gzip.body == WireClient.framed([3, 2, 1]))
            client.begin(3, ["grpc-encoding": "deflate"])
            client.data(3, WireClient.framed(Compressed.zlib([4, 5]), flag: 1), isEnd: true)
            let deflate = try await client.end(3)
            #expect(deflate.body == WireClient.framed([5, 4]))
            client.begin(5)
            client.data(5, WireClient.framed(Compressed.gzip([1]), flag: 1), isEnd: true)
            let unnamed = try await client.end(5)
            #expect(unnamed.status == "13")
        }
    }

    @Test func requestsBeyondTheBudgetAreRefusedUntilThereIsRoom() async throws {
        try await Serving.withClient(budget: RequestBudget(capacity: 20_000)) { client in
            client.begin(1)
            client.data(1, WireClient.framed(Array(repeating: 1, count: 4000)).dropLast())
            client.begin(3)
            client.data(3, WireClient.framed(Array(repeating: 2, count: 4000)), isEnd: true)
            let refused = try await client.end(3)
            #expect(refused.status == "8" && refused.message?.contains("as many requests as it may") == true)
            client.send(1, .rstStream(.cancel))
            // The reset comes before the call, on the same connection.
            #expect(try await client.call(5, Array(repeating: 3, count: 4000)).status == "0")
        }
    }

    // MARK: ends

    @Test func aResetCancelsTheCall() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (cancelled, cancel) = AsyncStream.makeStream(of: Void.self)
        try await Serving.with(answer: { (_) async throws(GRPCStatus) in
            start.yield()
            for await _ in AsyncStream<Never>.makeStream().stream {}
            cancel.yield()
            return ByteBuffer()
        }) { serving in
            let client = try await WireClient.connect(port: serving.port)
            client.begin(1)
            client.data(1, WireClient.framed([1]), isEnd: true)
            _ = await started.first { true }
            client.send(1, .rstStream(.cancel))
            _ = await cancelled.first { true }
            // So does the end of the connection.
            client.begin(3)
            client.data(3, WireClient.framed([1]), isEnd: true)
            _ = await started.first { true }
            await client.close()
            _ = await cancelled.first { true }
        }
    }

    @Test func aStopSaysGoAwayAndLetsCallsEnd() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (releases, release) = AsyncStream.makeStream(of: Void.self)
        // Longer than the test: only the last answer ends the connection.
        try await Serving.with(
            grace: .minutes(10),
            answer: { (_) async throws(GRPCStatus) in
                start.yield()
                _ = await releases.first { true }
                return ByteBuffer(bytes: [1])
            }
        ) { serving in
            let client = try await WireClient.connect(port: serving.port)
            client.begin(1)
            client.data(1, WireClient.framed([1]), isEnd: true)
            _ = await started.first { true }
            serving.server.stop()
            // The first says that there is an end, the second names the last stream.
            try await eventually { client.goAways == [.maxID, HTTP2StreamID(1)] }
            #expect(!client.isClosed)
            release.yield()
            #expect(try await client.end(1).body == WireClient.framed([1]))
            try await eventually { client.isClosed }
            await #expect(throws: (any Error).self) { try await WireClient.connect(port: serving.port) }
        }
    }

    @Test func callsThatDoNotEndAreCutOffAfterTheGrace() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        try await Serving.with(
            grace: .milliseconds(1),
            answer: { (_) async throws(GRPCStatus) in
                start.yield()
                for await _ in AsyncStream<Never>.makeStream().stream {}
                return ByteBuffer()
            }
        ) { serving in
            let client = try await WireClient.connect(port: serving.port)
            client.begin(1)
            client.data(1, WireClient.framed([1]), isEnd: true)
            _ = await started.first { true }
            serving.server.stop()
            try await eventually { client.isClosed }
        }
    }

    // MARK: what disturbs nobody else

    @Test func pingsAreAnsweredHoweverOftenTheyCome() async throws {
        try await Serving.withClient { client in
            for number in 0..<1000 { client.send(0, .ping(HTTP2PingData(withInteger: UInt64(number)), ack: false)) }
            try await eventually { client.answeredPings == 1000 }
            #expect(try await client.call(1, [1]).status == "0")
        }
    }

    /// More streams than HTTP/2 libraries allow without a setting, and more resets than NIO takes in 30 s without one.
    private static let many = 250

    @Test func manyCallsMayBeGivenUpAtOnce() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let hangs = Mutex(true)
        try await Serving.with(answer: { (_) async throws(GRPCStatus) in
            guard hangs.withLock({ $0 }) else { return ByteBuffer() }
            start.yield()
            for await _ in AsyncStream<Never>.makeStream().stream {}
            return ByteBuffer()
        }) { serving in
            let client = try await WireClient.connect(port: serving.port)
            for number in 0..<Self.many {
                client.begin(2 * number + 1)
                client.data(2 * number + 1, WireClient.framed([1]), isEnd: true)
            }
            var iterator = started.makeAsyncIterator()
            for _ in 0..<Self.many { await iterator.next() }
            for number in 0..<Self.many { client.send(2 * number + 1, .rstStream(.cancel)) }
            hangs.withLock { $0 = false }
            #expect(try await client.call(2 * Self.many + 1, [1]).status == "0")
            try await eventually { serving.budget.reservedBytes == 0 }
            await client.close()
        }
    }

    @Test func headersThatBreakHTTP2EndTheirStreamAlone() async throws {
        try await Serving.withClient { client in
            client.begin(1)
            client.begin(3, ["connection": "close"])
            let broken = try await client.end(3)
            #expect(broken.reset == .protocolError)
            client.data(1, WireClient.framed([1]), isEnd: true)
            let good = try await client.end(1)
            #expect(good.status == "0")
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST /elastic.Master/get HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnothing that HTTP/2 has as a frame", "\u{0}\u{0}\u{0}\u{0}",
    ])
    func whoSpeaksNoHTTP2IsClosedAndOthersAreServed(text: String) async throws {
        try await Serving.with { serving in
            let client = try await WireClient.connect(port: serving.port)
            let other = try await RawClient.connect(port: serving.port)
            other.send((text + String(repeating: "\u{0}", count: 24)).utf8)
            try await eventually { other.isClosed }
            #expect(try await client.call(1, [1]).status == "0")
            await client.close()
        }
    }

    @Test func whoConnectsAndSaysNothingKeepsNobodyFromStopping() async throws {
        try await Serving.with(grace: .milliseconds(1)) { serving in
            let silent = try await RawClient.connect(port: serving.port)
            try await eventually { !silent.received.isEmpty }
            serving.server.stop()
            try await eventually { silent.isClosed }
        }
    }
}
