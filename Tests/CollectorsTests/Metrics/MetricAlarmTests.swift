import Collectors
import Diagnosis
import SystemSupport
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct MetricAlarmTests {
    let log = LogCapture()
    let client = RecordingClient()
    let metrics = MetricsCapture()
    let node = NodeIdentity(id: 7, type: "worker", rank: 3)
    let page = "XPU_TIMER_COMMON_HANG{rank=\"0\"} 0\n"

    /// - Parameter deadline: long enough for a busy machine, where it is not the deadline that is tried.
    private func collector(
        _ url: String, reportsAlarm: Bool = true, deadline: Duration = .seconds(40)
    ) async throws -> MetricCollector {
        let collector = MetricCollector(
            url: try MetricURL(url), node: node,
            configuration: .init(
                deadline: deadline, maxBytes: 200, reportsAlarm: reportsAlarm, alarmInterval: .zero),
            logger: log.logger, factory: metrics.registry)
        await collector.setClient(client)
        return collector
    }

    private func round(_ collector: MetricCollector) async {
        guard await collector.isEnabled(), let page = await collector.collectData() else { return }
        await collector.storeData(page)
    }

    @Test func tellsOfTheBeginningAndTheEndInLogMetricsAndReports() async throws {
        let port = try await MisbehavingServer.closedPort()
        let url = "http://127.0.0.1:\(port)/metrics"
        let collector = try await collector(url)
        #expect(metrics.lines("arobust_scrapes_total").count == 8)
        #expect(metrics.lines("arobust_alarm{").count == 7)
        let before = WallClock.seconds()
        for _ in 0..<3 { await round(collector) }
        let after = WallClock.seconds()
        #expect(
            client.contents == [
                "arobust alarm: XPU timer metrics of \(url) cannot be scraped: nothing answers there: Connection refused"
            ])
        let alarm = try #require(client.metrics.first)
        #expect(alarm.dataType == .generic)
        #expect(alarm.node == node)
        #expect((before...after).contains(alarm.timestamp))
        #expect(log.count("warning XPU timer metrics cannot be scraped.") == 1)
        #expect(metrics.values("arobust_scrapes_total", by: "result") == ["unreachable": 3])
        #expect(metrics.values("arobust_alarm", by: "reason") == ["unreachable": 1])
        #expect(metrics.values("arobust_alarm", by: "source") == [url: 1])
        #expect(metrics.values("arobust_alarm_began_at_seconds", by: "source") == [url: Double(alarm.timestamp)])
        #expect(metrics.lines("arobust_scrape_up") == ["arobust_scrape_up{url=\"\(url)\"} 0"])

        let server = try await MisbehavingServer(MisbehavingServer.page(page), port: port)
        for _ in 0..<2 { await round(collector) }
        #expect(
            client.contents.dropFirst() == [
                "arobust alarm over: XPU timer metrics of \(url) can be scraped again",
                "XPU_TIMER_COMMON_HANG{rank=\"0\"} 0", "XPU_TIMER_COMMON_HANG{rank=\"0\"} 0",
            ])
        #expect(log.count("info XPU timer metrics can be scraped again.") == 1)
        #expect(metrics.values("arobust_scrapes_total", by: "result") == ["unreachable": 3, "ok": 2])
        #expect(metrics.values("arobust_alarm", by: "reason") == [:])
        #expect(metrics.values("arobust_alarm_began_at_seconds", by: "source") == [:])
        #expect(metrics.lines("arobust_scrape_up") == ["arobust_scrape_up{url=\"\(url)\"} 1"])
        try await server.close()
    }

    @Test func givesAPageWithoutHangLinesAndRaisesTheAlarm() async throws {
        let server = try await MisbehavingServer(MisbehavingServer.page("XPU_TIMER_COMMON_GC_COUNT 3\n"))
        let collector = try await collector(server.url)
        await round(collector)
        try #require(client.contents.count == 2)
        #expect(
            client.contents[0].hasPrefix("arobust alarm: XPU timer metrics of \(server.url) can't be used for hang"))
        #expect(client.contents[1] == "XPU_TIMER_COMMON_GC_COUNT 3")
        #expect(client.metrics[1].dataType == .xpuTimerMetric)
        #expect(
            log.count("warning XPU timer metrics can't be used for hang detection. error=the page has no XPU_TIMER")
                == 1)
        #expect(metrics.values("arobust_alarm", by: "reason") == ["no_hang_line": 1])
        #expect(metrics.values("arobust_scrape_up", by: "url") == [server.url: 1])
        try await server.close()
    }

    @Test(arguments: [
        (MisbehavingServer.page(""), "empty"), (MisbehavingServer.page("# HELP a\n"), "empty"),
        (MisbehavingServer.page("<html>\n<body>XPU_TIMER_COMMON_HANG 0</body>\n</html>\n"), "empty"),
        (MisbehavingServer.page("\u{1F}\u{8B}\u{8}\u{0}XPU_TIMER"), "empty"),
        (MisbehavingServer.page(String(repeating: "a 1\n", count: 100)), "too_large"),
        (.answer("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), "status"),
        (.hang(after: "HTTP/1.1 200 OK\r\n\r\n"), "deadline"), (.close, "broken"),
    ])
    func reportsNoPageAndSaysWhatCameOfIt(behaviour: MisbehavingServer.Behaviour, result: String) async throws {
        let server = try await MisbehavingServer(behaviour)
        let collector = try await collector(server.url, deadline: result == "deadline" ? .seconds(2) : .seconds(40))
        await round(collector)
        #expect(client.metrics.map(\.dataType) == [.generic])
        #expect(client.contents.first?.hasPrefix("arobust alarm: ") == true)
        #expect(metrics.values("arobust_scrapes_total", by: "result") == [result: 1])
        #expect(metrics.values("arobust_alarm", by: "reason") == [result: 1])
        try await server.close()
    }

    @Test func reportsNothingOfItUnlessAsked() async throws {
        let collector = try await collector(
            "http://127.0.0.1:\(try await MisbehavingServer.closedPort())/", reportsAlarm: false)
        await round(collector)
        #expect(client.metrics.isEmpty)
        #expect(metrics.values("arobust_alarm", by: "reason") == ["unreachable": 1])
    }

    @Test func triesAFailedReportAgainInTheNextRound() async throws {
        let collector = try await collector("http://127.0.0.1:\(try await MisbehavingServer.closedPort())/")
        client.fail("No room")
        for _ in 0..<3 { await round(collector) }
        #expect(client.metrics.isEmpty)
        #expect(log.count("error Failed to report XPU timer alarm to master: No room") == 1)
        client.fail(nil)
        for _ in 0..<3 { await round(collector) }
        #expect(client.metrics.count == 1)
    }

    @Test func aScrapeThatShutdownCutsShortRaisesNothing() async throws {
        let server = try await MisbehavingServer(.hang(after: "HTTP/1.1 200 OK\r\n\r\n"))
        let collector = MetricCollector(
            url: try MetricURL(server.url), node: node, configuration: .init(reportsAlarm: true), logger: log.logger,
            factory: metrics.registry)
        await collector.setClient(client)
        let task = Task { await collector.collectData() }
        try await eventually { server.requestCount == 1 }
        task.cancel()
        #expect(await task.value == nil)
        #expect(client.metrics.isEmpty)
        #expect(log.lines.isEmpty)
        #expect(metrics.values("arobust_scrapes_total", by: "result") == [:])
        try await server.close()
    }
}
