import Collectors
import Diagnosis
import Telemetry
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct SelfMetricsTests {
    let metrics = MetricsCapture()
    let node = NodeIdentity(id: 7, type: "worker", rank: 3)

    @Test func countsLinesAndBytesOnceTheyAreReported() async throws {
        let fixture = LogFixture()
        try fixture.append("one\ntwo\nunfinished")
        let collector = LogCollector(
            path: fixture.path, node: node, configuration: .patient, logger: fixture.log.logger,
            factory: metrics.registry)
        await collector.setClient(fixture.client)
        fixture.client.fail("No room")
        await collector.drain()
        #expect(metrics.values("arobust_log_lines_total", by: "file") == [:])
        fixture.client.fail(nil)
        await collector.drain()
        // A text of the user's own is no part of the log.
        await collector.storeData("own\ntext")
        #expect(metrics.values("arobust_log_lines_total", by: "file") == [fixture.path: 2])
        #expect(metrics.values("arobust_log_bytes_total", by: "file") == [fixture.path: 8])
    }

    @Test func countsProcessesByWhatCouldBeHad() async throws {
        let collector = StackCollector(
            node: node, configuration: .init(target: .pids([Int32.max]), pySpyPath: "/nowhere"),
            logger: LogCapture().logger, factory: metrics.registry)
        _ = await collector.collectData()
        #expect(metrics.values("arobust_stack_dumps_total", by: "result") == ["none": 1])
        #expect(metrics.lines("arobust_stack_dumps_total").count == 3)
    }

    @Test func everyMetricHasAHelpText() async throws {
        _ = MetricCollector(url: try MetricURL("http://h/"), node: node, factory: metrics.registry)
        _ = LogCollector(path: "/l", node: node, factory: metrics.registry)
        _ = StackCollector(node: node, configuration: .init(target: .ranks), factory: metrics.registry)
        let names = metrics.lines("# TYPE ").map { $0.split(separator: " ")[2] }
        #expect(names.count == 8)
        for name in names { #expect(MetricCatalog.help["\(name)"] != nil, "\(name)") }
    }
}
