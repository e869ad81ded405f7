import Collectors
import Diagnosis
import NIOCore
import SystemSupport
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct MetricCollectorTests {
    let log = LogCapture()
    let client = RecordingClient()
    let node = NodeIdentity(id: 7, type: "worker", rank: 3)

    private func collector(
        _ server: MisbehavingServer, _ configuration: MetricCollector.Configuration = .init()
    ) async throws -> MetricCollector {
        try await collector(port: server.port, configuration)
    }

    private func collector(
        port: Int, _ configuration: MetricCollector.Configuration = .init()
    ) async throws -> MetricCollector {
        let collector = MetricCollector(
            url: try MetricURL("http://127.0.0.1:\(port)/metrics"), node: node, configuration: configuration,
            logger: log.logger)
        await collector.setClient(client)
        return collector
    }

    @Test func reportsTheFilteredPage() async throws {
        let server = try await MisbehavingServer(
            MisbehavingServer.page("# HELP\nexposer_x 1\nXPU_TIMER_COMMON_HANG{rank=\"0\"} 0\n"))
        let collector = try MetricCollector(port: server.port, node: node, logger: log.logger)
        await collector.setClient(client)
        let before = WallClock.seconds()
        #expect(await collector.isEnabled())
        let page = try #require(await collector.collectData())
        #expect(await collector.storeData(page))
        let metric = try #require(client.metrics.first)
        #expect(metric.dataType == .xpuTimerMetric)
        #expect(metric.dataContent == "XPU_TIMER_COMMON_HANG{rank=\"0\"} 0")
        #expect(metric.node == node)
        #expect((before...WallClock.seconds()).contains(metric.timestamp))
        #expect(log.count("debug Reported XPU timer metric: 33 characters") == 1)
        try await server.close()
    }

    @Test func takesAChunkedBodyAndOneThatEndsWithTheConnection() async throws {
        for answer in [
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na 1\n\r\n3\r\nb 2\r\n0\r\n\r\n",
            "HTTP/1.0 200 OK\r\n\r\na 1\nb 2\n",
        ] {
            let server = try await MisbehavingServer(.answer(answer))
            #expect(try await collector(server).collectData()?.content == "a 1\nb 2")
            try await server.close()
        }
    }

    @Test(arguments: [
        (MisbehavingServer.Behaviour.hang(after: ""), "the page did not come within"),
        (.hang(after: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"), "the page did not come within"),
        (
            .repeating(after: "HTTP/1.1 200 OK\r\n\r\n", "a 1\n", pause: .milliseconds(10)),
            "the page did not come within"
        ),
        (.repeating(after: "HTTP/1.1 200 OK\r\nX: ", "a", pause: .milliseconds(10)), "the page did not come within"),
    ])
    func endsASlowScrapeAtTheDeadline(behaviour: MisbehavingServer.Behaviour, reason: String) async throws {
        let server = try await MisbehavingServer(behaviour)
        let collector = try await collector(server, .init(deadline: .milliseconds(200)))
        #expect(await collector.collectData() == nil)
        #expect(log.count("warning XPU timer metrics cannot be scraped. error=\(reason)") == 1)
        try await server.close()
    }

    @Test(arguments: [
        (MisbehavingServer.page(String(repeating: "a", count: 101)), "the page is larger than the limit of 100 bytes"),
        (
            .repeating(after: "HTTP/1.1 200 OK\r\n\r\n", String(repeating: "a 1\n", count: 1000), pause: nil),
            "the page is larger than the limit of 100 bytes"
        ),
        (.answer("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\na 1\n"), "the answer has status 500"),
        (
            .answer("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/metrics\r\nContent-Length: 0\r\n\r\n"),
            "the answer has status 302"
        ),
        (.answer("HTTP/1.1 204 No Content\r\n\r\n"), "the answer has status 204"),
        (MisbehavingServer.page(""), "the page has no metric after the filter"),
        (MisbehavingServer.page("# a\nexposer 1\n\n"), "the page has no metric after the filter"),
        (.answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\na 1"), "the answer broke off"),
        (.answer("SSH-2.0-OpenSSH_9.6\r\n"), "the answer broke off"),
        (.close, "the answer broke off"),
    ])
    func givesNothingAndSaysWhy(behaviour: MisbehavingServer.Behaviour, reason: String) async throws {
        let server = try await MisbehavingServer(behaviour)
        let collector = try await collector(server, .init(maxBytes: 100))
        #expect(await collector.collectData() == nil)
        #expect(log.count("warning XPU timer metrics cannot be scraped. error=\(reason)") == 1, "\(log.lines)")
        try await server.close()
    }

    @Test func takesAPageOfExactlyTheLimit() async throws {
        let server = try await MisbehavingServer(MisbehavingServer.page(String(repeating: "a 1\n", count: 25)))
        #expect(try await collector(server, .init(maxBytes: 100)).collectData()?.content.utf8.count == 99)
        try await server.close()
    }

    @Test func tellsOfARefusalOnceInAWhileAndOfTheRecovery() async throws {
        let port = try await MisbehavingServer.closedPort()
        let collector = try await collector(port: port, .init(problemInterval: 5))
        for _ in 0..<10 { #expect(await !collector.isEnabled()) }
        #expect(await collector.collectData() == nil)
        #expect(log.count("nothing answers there") == 3)
        #expect(log.count("Connection refused") == 3)
        let second = try await MisbehavingServer(MisbehavingServer.page("XPU_TIMER_COMMON_HANG 0\n"), port: port)
        #expect(await collector.isEnabled())
        for _ in 0..<2 { #expect(await collector.collectData()?.content == "XPU_TIMER_COMMON_HANG 0") }
        #expect(log.count("info XPU timer metrics can be scraped again.") == 1)
        try await second.close()
    }

    @Test func warnsWithoutAClientAndLogsAFailedReport() async throws {
        let collector = try MetricCollector(port: 1, node: node, logger: log.logger)
        #expect(await !collector.storeData("a 1"))
        #expect(log.count("warning Master client not set, XPU timer metric not reported") == 1)
        await collector.setClient(client)
        client.fail("Connection refused")
        #expect(await !collector.storeData("a 1"))
        #expect(log.count("error Failed to report XPU timer metric to master: Connection refused") == 1)
    }

    @Test func leavesNoDescriptorsBehind() async throws {
        let server = try await MisbehavingServer(.hang(after: "HTTP/1.1 200 OK\r\n\r\n"))
        let collector = try await collector(server, .init(deadline: .milliseconds(20)))
        for _ in 0..<20 {
            #expect(await collector.isEnabled())
            #expect(await collector.collectData() == nil)
        }
        try await eventually { try openSockets(to: server.port) == 0 }
        try await server.close()
    }

    /// How many of this process's sockets are connected to a port of 127.0.0.1, from `/proc/net/tcp`.
    private func openSockets(to port: Int) throws -> Int {
        let hex = String(port, radix: 16, uppercase: true)
        let remote = "0100007F:" + String(repeating: "0", count: 4 - hex.count) + hex
        return try ProcText.read("/proc/self/net/tcp").split(separator: "\n").count {
            let fields = $0.split(separator: " ")
            return fields.count > 9 && fields[2] == remote && fields[3] == "01" && fields[9] != "0"
        }
    }
}
