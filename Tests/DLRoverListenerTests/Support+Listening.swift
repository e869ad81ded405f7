import DLRoverListener
import Diagnosis
import GRPCServing
import Logging
import MasterClients
import NIOCore
import Telemetry
import TestSupport
import Testing
import ZMQBridge

/// A listener on a free port with a publisher of its own, and a client of it.
struct Listening {
    let publisher: MetricPublisher
    let client: any DLRoverRelay
    let url: MasterURL
    /// Where it speaks HTTP.
    let httpPort: Int
    let registry: TelemetryRegistry
    let logs: LogCapture
    let running: Task<Void, any Error>

    static func with(master: MasterURL?, _ body: (Listening) async throws -> Void) async throws {
        let folder = ScratchFolder()
        let logs = LogCapture()
        let publisher = try await MetricPublisher.open(in: StateDirectory(path: folder.file("s")))
        let registry = TelemetryRegistry()
        let listener = try DLRoverListener(
            addresses: [ListenAddress("dlrover+grpc://127.0.0.1:0")!, ListenAddress("dlrover+http://127.0.0.1:0")!],
            publisher: publisher,
            node: NodeIdentity(id: 9, rank: 4), master: master, logger: logs.logger, factory: registry)
        let (addresses, address) = AsyncStream.makeStream(of: [ListenAddress].self)
        let running = Task {
            defer { address.finish() }
            try await listener.run { address.yield($0) }
        }
        let first = await addresses.first { _ in true }
        let bound = try #require(first)
        let url = try MasterURL("\(bound[0])")
        guard case .tcp(_, let httpPort) = bound[1].place else { return }
        let client = try url.makeRelay(options: MasterClientOptions(), logger: logs.logger)!
        do {
            try await body(
                Listening(
                    publisher: publisher, client: client, url: url, httpPort: httpPort, registry: registry, logs: logs,
                    running: running))
        } catch {
            running.cancel()
            await client.close()
            throw error
        }
        running.cancel()
        try await running.value
        await client.close()
    }

    func call(
        _ path: String, _ message: ByteBuffer, metadata: [(name: String, value: String)] = [],
        timeout: Duration? = .seconds(20)
    ) async throws(GRPCStatus) -> [UInt8] {
        Array(
            buffer: try await client.answer(
                to: RelayedCall(path: path, metadata: metadata, message: message, timeout: timeout)))
    }

    func report(_ json: String) async throws(GRPCStatus) -> [UInt8] {
        try await call("/elastic.Master/report", Fixture.report(json))
    }

    func count(_ outcome: String, over wire: String = "grpc") -> Double {
        registry.text().split(separator: "\n").compactMap { PrometheusSample(String($0)) }
            .first {
                $0.name == "arobust_listener_calls_total" && $0.labels["outcome"] == outcome
                    && $0.labels["wire"] == wire
            }?.value ?? -1
    }
}
