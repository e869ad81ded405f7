import Glibc
import Inspection
import Logging
@testable import Monitoring
import Synchronization
import SystemSupport
import Telemetry
import TestSupport
import Testing
import WebServing

/// A monitor for as long as a test's body runs, and what it answers.
private struct RunningMonitor {
    let server: MonitorServer
    let address: String

    static func with(
        at text: String = "127.0.0.1:0", token: String? = nil, limits: WebLimits? = nil,
        state: @escaping @Sendable () async -> NodeState = { NodeState() },
        body: (RunningMonitor) async throws -> Void
    ) async throws {
        let log = LogCapture()
        let (addresses, found) = AsyncStream<String>.makeStream()
        let server = MonitorServer(
            at: try #require(MonitorAddress(text)), token: token,
            process: MonitoredProcess(registry: TelemetryRegistry(), isPublisher: true, state: state),
            limits: limits, logger: log.logger
        ) { found.yield($0) }
        let task = Task {
            defer { found.finish() }
            try await server.run()
        }
        defer { task.cancel() }
        guard let address = await addresses.first(where: { _ in true }) else {
            try await task.value
            return
        }
        try await body(RunningMonitor(server: server, address: address))
        task.cancel()
        try? await task.value
    }

    /// The whole answer to one request on a connection of its own; empty if the connection was closed without one.
    func ask(_ target: String, host: String? = nil, more: String = "") async throws -> String {
        let host = host ?? (address.hasPrefix("unix:") ? "localhost" : address)
        return try await exchange("GET \(target) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\(more)\r\n")
    }

    func exchange(_ text: String) async throws -> String {
        let address = address
        return try await PinnedThread.run(name: "test-client", onCancel: {}) {
            let descriptor = try Self.connect(to: address)
            defer { close(descriptor) }
            _ = Array(text.utf8).withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            var all: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65536)
            while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 { all += buffer[..<count] }
            return String(decoding: all, as: UTF8.self)
        }
    }

    static func connect(to address: String) throws -> CInt {
        let isUnix = address.hasPrefix("unix:")
        let descriptor = socket(isUnix ? AF_UNIX : AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var patience = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var code: CInt
        if isUnix {
            code = UnixAddress.with(String(address.dropFirst(5))) { Glibc.connect(descriptor, $0, $1) }
        } else {
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = (UInt16(address.split(separator: ":")[1]) ?? 0).bigEndian
            name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            code = withUnsafePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        guard code == 0 else { throw SystemCallError("connect") }
        return descriptor
    }
}

struct MonitorServerTests {
    @Test func theEndpointsAnswer() async throws {
        try await RunningMonitor.with { (monitor: RunningMonitor) async throws in
            #expect(try await monitor.ask("/healthz").hasSuffix("\r\n\r\nok\n"))
            #expect(try await monitor.ask("/readyz").hasSuffix("\r\n\r\nready\n"))
            #expect(try await monitor.ask("/status").contains("[\n\n]\n"))
            let metrics = try await monitor.ask("/metrics")
            #expect(metrics.contains("text/plain; version=0.0.4") && metrics.contains("\narobust_ready 1\n"))
            #expect(try await monitor.ask("/nothing").hasPrefix("HTTP/1.1 404"))
            #expect(try await monitor.ask("/", more: "Origin: http://evil.example\r\n").hasPrefix("HTTP/1.1 403"))
            #expect(try await monitor.ask("/metrics", host: "evil.example").hasPrefix("HTTP/1.1 421"))
            #expect(
                try await monitor.exchange("POST /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    .hasPrefix("HTTP/1.1 405"))
        }
    }

    @Test func readinessSaysWhatIsMissing() async throws {
        try await RunningMonitor.with(state: { NodeState(obstacles: ["the journal can't be written: full"]) }) {
            (monitor: RunningMonitor) async throws in
            let answer = try await monitor.ask("/readyz")
            #expect(answer.hasPrefix("HTTP/1.1 503") && answer.hasSuffix("the journal can't be written: full\n"))
            #expect(try await monitor.ask("/healthz").hasPrefix("HTTP/1.1 200"))
            monitor.server.recordEnd()
            #expect(try await monitor.ask("/readyz").contains("\r\n\r\nit is ending\n"))
        }
    }

    @Test func withATokenOnlyTheProbesAreOpenAndTheySayLittle() async throws {
        let token = "0123456789abcdef"
        try await RunningMonitor.with(token: token, state: { NodeState(obstacles: ["/secret/path is gone"]) }) {
            (monitor: RunningMonitor) async throws in
            let right = "Authorization: Bearer \(token)\r\n"
            #expect(try await monitor.ask("/metrics").hasPrefix("HTTP/1.1 401"))
            #expect(
                try await monitor.ask("/status", more: "Authorization: Bearer 0123456789abcdeX\r\n").hasPrefix(
                    "HTTP/1.1 401"))
            #expect(try await monitor.ask("/metrics", more: right).hasPrefix("HTTP/1.1 200"))
            #expect(try await monitor.ask("/healthz").hasPrefix("HTTP/1.1 200"))
            #expect(try await monitor.ask("/readyz").hasSuffix("\r\n\r\nnot ready\n"))
            #expect(try await monitor.ask("/readyz", more: right).contains("/secret/path"))
        }
    }

    @Test func aSocketIsForThisUserAndGoesWithTheServer() async throws {
        let folder = ScratchFolder()
        let path = folder.file("http.sock")
        try await RunningMonitor.with(at: "unix:\(path)") { (monitor: RunningMonitor) async throws in
            #expect(try await monitor.ask("/healthz", host: "whatever").hasPrefix("HTTP/1.1 200"))
            var status = stat()
            #expect(lstat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
            await #expect(throws: PageAddressError.self) {
                try await RunningMonitor.with(at: "unix:\(path)") { (_: RunningMonitor) async throws in }
            }
        }
        #expect(access(path, F_OK) != 0)
    }

    @Test func whoOnlyHoldsConnectionsKeepsNobodyOut() async throws {
        var limits = MonitorServer.usualLimits
        limits.firstRequest = .seconds(600)
        try await RunningMonitor.with(limits: limits) { (monitor: RunningMonitor) async throws in
            let address = monitor.address
            let idle = try (0..<64).map { _ in try RunningMonitor.connect(to: address) }
            defer { for descriptor in idle { close(descriptor) } }
            try await eventually { monitor.server.connections.now.replaced >= 32 }
            #expect(try await monitor.ask("/healthz").hasPrefix("HTTP/1.1 200"))
            #expect(monitor.server.connections.now.open <= limits.connections)
        }
    }

    /// As with a disk that is gone: what looks for the state does not come back, whoever cancels it.
    @Test func aLookThatHangsHoldsUpNeitherAnswersNorTheEnd() async throws {
        let held = Mutex<CheckedContinuation<Void, Never>?>(nil)
        try await RunningMonitor.with(state: {
            await withCheckedContinuation { continuation in held.withLock { $0 = continuation } }
            return NodeState()
        }) { (monitor: RunningMonitor) async throws in
            #expect(try await monitor.ask("/healthz").hasPrefix("HTTP/1.1 200"))
            let metrics = try await monitor.ask("/metrics")
            #expect(metrics.contains("\narobust_status_up 0\n") && metrics.contains("\nprocess_threads "))
            #expect(try await monitor.ask("/status").hasPrefix("HTTP/1.1 503"))
        }
        // The server has ended with the look still under way.
        let last = held.withLock { $0 }
        try #require(last != nil)
        last?.resume()
    }

    @Test func requestsBeyondTheBoundsAreRefused() async throws {
        try await RunningMonitor.with { (monitor: RunningMonitor) async throws in
            let long = String(repeating: "a", count: 1100)
            #expect(try await monitor.ask("/\(long)").hasPrefix("HTTP/1.1 414"))
            let header = "X: " + String(repeating: "b", count: 9000) + "\r\n"
            #expect(!(try await monitor.ask("/healthz", more: header)).hasPrefix("HTTP/1.1 200"))
            #expect(try await monitor.ask("/healthz", more: "Content-Length: 5\r\n").hasPrefix("HTTP/1.1 413"))
        }
    }
}
