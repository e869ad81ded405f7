import MasterClients
import NIOCore
import Telemetry
import TestSupport
import Testing

@testable import DLRoverListener
@testable import GRPCServing

/// More connections than there may be, over real sockets.
@Suite struct ConnectionLimitTests {
    @Test func idleConnectionsNeitherPileUpNorKeepAClientOut() async throws {
        try await Serving.with(limits: .init(all: 16)) { serving in
            let first = try await WireClient.connect(port: serving.port)
            #expect(try await first.call(1, [1, 2, 3]).body == WireClient.framed([3, 2, 1]))
            var idle: [RawClient] = []
            for _ in 0..<100 { idle.append(try await RawClient.connect(port: serving.port)) }
            let all = idle
            try await eventually { all.count { !$0.isClosed } <= 8 }
            let late = try await WireClient.connect(port: serving.port)
            #expect(try await late.call(1, [1, 2, 3]).body == WireClient.framed([3, 2, 1]))
            #expect(serving.server.connectionCount <= 16)
            for client in idle { await client.close() }
            await late.close()
            await first.close()
        }
    }

    @Test func aCallUnderWayIsNotDisplaced() async throws {
        let (releases, release) = AsyncStream.makeStream(of: Void.self)
        let answer: GRPCServer.Answer = { (call) throws(GRPCStatus) in
            if call.message.readableBytes == 3 { for await _ in releases { break } }
            return call.message
        }
        try await Serving.with(limits: .init(all: 4), answer: answer) { serving in
            let busy = try await WireClient.connect(port: serving.port)
            busy.begin(1)
            busy.data(1, WireClient.framed([1, 2, 3]), isEnd: true)
            for _ in 0..<20 {
                let other = try await WireClient.connect(port: serving.port)
                #expect(try await other.call(1, [7]).body == WireClient.framed([7]))
            }
            release.yield()
            #expect(try await busy.end(1).body == WireClient.framed([1, 2, 3]))
            await busy.close()
        }
    }

    @Test func whoDoesNotSpeakHTTP2InTimeIsClosedAndToldOfOnce() async throws {
        let (logs, registry) = (LogCapture(), TelemetryRegistry())
        try await Serving.with(registry: registry, logger: logs.logger, patience: .milliseconds(50)) { serving in
            for bytes in [[], Array("PRI * HTTP/2.0\r\n\r\n".utf8)] as [[UInt8]] {
                let client = try await RawClient.connect(port: serving.port)
                client.send(bytes)
                try await eventually { client.isClosed }
            }
        }
        #expect(registry.text().contains(#"arobust_listener_closed_total{reason="silent"} 2"#))
        #expect(logs.lines.count { $0.contains("said nothing") } == 1)
    }
}
