import MasterClients
import NIOCore
import NIOHTTP2
import Telemetry
import TestSupport
import Testing

@testable import DLRoverListener
@testable import GRPCServing

/// Clients that send nothing without end, over real connections: theirs is closed, and others are served.
@Suite(.serialized) struct FloodTests {
    private static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt8 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        [0, UInt8(payload.count >> 8), UInt8(payload.count & 255), type, flags, 0, 0, 0, stream] + payload
    }

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4)
    /// `:method POST`, `:scheme http`, `:path /a/b`, `:authority a`, `content-type application/grpc`, without Huffman coding.
    private static let call = frame(
        1, flags: 4, stream: 1,
        [0x83, 0x86, 0x04, 4] + Array("/a/b".utf8) + [0x01, 1] + Array("a".utf8) + [0x0f, 0x10, 16]
            + Array("application/grpc".utf8))

    static let floods: [(name: String, begin: [UInt8], flood: [UInt8])] = [
        ("PING", [], frame(6, Array("12345678".utf8))),
        ("SETTINGS", [], frame(4)),
        ("WINDOW_UPDATE", [], frame(8, [0, 0, 0, 1])),
        ("PRIORITY", [], frame(2, stream: 3, [0, 0, 0, 0, 1])),
        ("GOAWAY", [], frame(7, [0, 0, 0, 0, 0, 0, 0, 0])),
        ("unknown", [], frame(200, stream: 0)),
        ("RST_STREAM", call, frame(3, stream: 1, [0, 0, 0, 8])),
        ("empty DATA", call, frame(0, stream: 1)),
        ("one-byte DATA", call + frame(0, stream: 1, [0, 0, 15, 0, 0]), frame(0, stream: 1, [0])),
        ("CONTINUATION", frame(1, stream: 1), frame(9, stream: 1)),
    ]

    @Test(arguments: floods.map(\.name)) func aClientThatFloodsLosesItsConnection(name: String) async throws {
        let flood = try #require(Self.floods.first { $0.name == name })
        let registry = TelemetryRegistry()
        try await Serving.with(registry: registry) { serving in
            let client = try await RawClient.connect(port: serving.port)
            client.send(Self.preface + flood.begin)
            let frames = ByteBuffer(bytes: Array(repeatElement(flood.flood, count: 500).joined()))
            // Until it is closed; each time all of it is on its way.
            for _ in 0..<2000 where !client.isClosed { await client.sendAll(frames) }
            try await eventually { client.isClosed }
            let other = try await WireClient.connect(port: serving.port)
            #expect(try await other.call(1, [1, 2]).body == WireClient.framed([2, 1]))
            await other.close()
        }
        let counted = registry.text().contains(#"arobust_listener_closed_total{reason="flood"} 1"#)
        // These two break the protocol as well, so that it depends on what is noticed first.
        #expect(counted || ["RST_STREAM", "CONTINUATION"].contains(name))
    }

    @Test func aRequestThatComesDropByDropIsGivenUp() async throws {
        try await Serving.with(requestPatience: .milliseconds(50)) { serving in
            let client = try await WireClient.connect(port: serving.port)
            client.begin(1)
            client.data(1, [0, 0, 0, 0, 9, 1])
            let answer = try await client.end(1)
            #expect(answer.status == "4" && answer.message?.contains("did not come within") ?? false)
            #expect(serving.budget.reservedBytes == 0)
            await client.close()
        }
    }

    /// A client that lets nothing through: its window for answers is 0.
    @Test func anAnswerThatNobodyTakesIsDropped() async throws {
        try await Serving.with(requestPatience: .milliseconds(50)) { serving in
            let client = try await RawClient.connect(port: serving.port)
            client.send(
                Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + Self.frame(4, [0, 4, 0, 0, 0, 0]) + Self.call
                    + Self.frame(0, flags: 1, stream: 1, [0, 0, 0, 0, 2, 7, 8]))
            let reset = Self.frame(3, stream: 1, [0, 0, 0, 8])
            try await eventually { client.received.count >= reset.count && Array(client.received.suffix(13)) == reset }
            try await eventually { serving.budget.reservedBytes == 0 }
            await client.close()
        }
    }

    // MARK: streams

    /// Fields that are a byte each on the wire.
    @Test func headersAloneCountInTheBudget() async throws {
        let fields = Array(repeating: ("a", ""), count: 200)
        try await Serving.with(budget: RequestBudget(capacity: 1 << 20)) { serving in
            let clients = [
                try await WireClient.connect(port: serving.port), try await WireClient.connect(port: serving.port),
            ]
            for client in clients { for call in 0..<50 { client.begin(2 * call + 1, fields: fields) } }
            for client in clients {
                let refused = try await client.end(99)
                #expect(refused.status == "8" && refused.message?.contains("as many requests as it may") == true)
            }
            #expect((500 << 10...1 << 20).contains(serving.budget.reservedBytes))
            for client in clients { await client.close() }
            try await eventually { serving.budget.reservedBytes == 0 }
        }
    }

    /// Whatever a call is refused for, its stream is over, though the client neither goes on nor gives up.
    @Test(arguments: [["content-type": "text/plain"], [":method": "GET"], ["grpc-encoding": "snappy"], [:]])
    func aRefusedCallKeepsNoStream(changes: [String: String?]) async throws {
        try await Serving.with(requestPatience: .milliseconds(50)) { serving in
            let client = try await WireClient.connect(port: serving.port)
            client.begin(1, changes)
            try await eventually { client.answer(1).isEnd && client.answer(1).reset == .noError }
            try await eventually { serving.budget.reservedBytes == 0 }
            await client.close()
        }
    }

    @Test func headersLongerThanMayBeEndTheConnection() async throws {
        try await Serving.with { serving in
            let client = try await WireClient.connect(port: serving.port)
            client.begin(1, fields: Array(repeating: ("a", ""), count: 500))
            try await eventually { client.isClosed }
            #expect(serving.budget.reservedBytes == 0)
        }
    }
}
