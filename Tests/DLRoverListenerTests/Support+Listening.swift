import DLRoverListener
import Diagnosis
import Foundation
import InMemoryLogging
import Logging
import MasterClients
import NIOCore
import Telemetry
import ZMQBridge

/// A listener on a free port with a publisher of its own, and a client of it.
struct Listening {
    let publisher: MetricPublisher
    let client: any DLRoverRelay
    let url: MasterURL
    let registry: TelemetryRegistry
    let logs: InMemoryLogHandler
    let running: Task<Void, any Error>

    static func with(master: MasterURL?, _ body: (Listening) async throws -> Void) async throws {
        let path = "/tmp/arl-" + String(UInt64.random(in: .min ... .max), radix: 36)
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: path) }
        let logs = InMemoryLogHandler()
        let logger = Logger(label: "test") { _ in logs }
        let publisher = try await MetricPublisher.open(in: StateDirectory(path: path + "/s"))
        let registry = TelemetryRegistry()
        let listener = try DLRoverListener(
            address: ListenAddress("dlrover+grpc://127.0.0.1:0")!, publisher: publisher,
            node: NodeIdentity(id: 9, rank: 4), master: master, logger: logger, factory: registry)
        let running = Task { try await listener.run() }
        let url = try MasterURL("\(try await listener.boundAddress)")
        let client = try url.makeRelay(options: MasterClientOptions(), logger: logger)!
        do {
            try await body(
                Listening(
                    publisher: publisher, client: client, url: url, registry: registry, logs: logs, running: running))
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

    func count(_ outcome: String) -> Double {
        registry.text().split(separator: "\n").compactMap { PrometheusSample(String($0)) }
            .first { $0.name == "arobust_listener_calls_total" && $0.labels["outcome"] == outcome }?.value ?? -1
    }
}
