import CoreMetrics
import Telemetry
import Testing

@Suite(.timeLimit(.minutes(1))) struct TelemetryRegistryTests {
    private func lines(_ registry: TelemetryRegistry, _ name: String) -> [String] {
        registry.text().split(separator: "\n").filter { $0.hasPrefix(name) }.map(String.init)
    }

    @Test func theOperatorsLabelsReplaceNone() {
        let registry = TelemetryRegistry(
            labels: [("command", "agent")], operatorLabels: [("file", "mine"), ("command", "other")])
        Counter(label: "arobust_x_total", dimensions: [("file", "a.log")], factory: registry).increment()
        let lines = registry.text().split(separator: "\n")
        #expect(lines.contains(#"arobust_x_total{command="agent",file="a.log"} 1"#))
        #expect(lines.contains(#"arobust_telemetry_refused_series_total{command="agent",file="mine"} 0"#))
    }

    @Test func theSameNameAndLabelsAreTheSameSeries() {
        let registry = TelemetryRegistry()
        Counter(label: "a_total", dimensions: [("x", "1"), ("y", "2")], factory: registry).increment()
        Counter(label: "a_total", dimensions: [("y", "2"), ("x", "1")], factory: registry).increment(by: 2)
        #expect(lines(registry, "a_total") == ["a_total{x=\"1\",y=\"2\"} 3"])
    }

    @Test func itsOwnLabelsStandOnEverySeriesAndWin() {
        let registry = TelemetryRegistry(labels: [("command", "agent")])
        Gauge(label: "g", dimensions: [("a", "1"), ("command", "b")], factory: registry).record(1)
        #expect(lines(registry, "g") == ["g{a=\"1\",command=\"agent\"} 1"])
        #expect(
            lines(registry, "arobust_") == ["arobust_telemetry_refused_series_total{command=\"agent\"} 0"])
    }

    @Test func refusesMoreSeriesThanTheLimitAndCountsThem() {
        let registry = TelemetryRegistry(limit: 3)
        let counters = (0..<5).map { Counter(label: "a_total", dimensions: [("i", "\($0)")], factory: registry) }
        for counter in counters { counter.increment() }
        #expect(lines(registry, "a_total").count == 3)
        #expect(lines(registry, "arobust_") == ["arobust_telemetry_refused_series_total 2"])
        // One that is known is no new series.
        Counter(label: "a_total", dimensions: [("i", "0")], factory: registry).increment()
        #expect(lines(registry, "a_total{i=\"0\"}") == ["a_total{i=\"0\"} 2"])
        counters[1].destroy()
        Gauge(label: "g", factory: registry).record(1)
        #expect(lines(registry, "a_total").count == 2)
        #expect(lines(registry, "g") == ["g 1"])
    }

    @Test func refusesASecondKindUnderOneName() {
        let registry = TelemetryRegistry()
        Counter(label: "a_total", factory: registry).increment()
        Gauge(label: "a_total", factory: registry).record(9)
        FloatingPointCounter(label: "a_total", factory: registry).increment(by: 0.5)
        Recorder(label: "a_total", factory: registry).record(9)
        #expect(lines(registry, "a_total") == ["a_total 1"])
        #expect(lines(registry, "arobust_") == ["arobust_telemetry_refused_series_total 3"])
    }

    @Test func aCounterOnlyGrowsAndAMeterMovesBothWays() {
        let registry = TelemetryRegistry()
        let counter = Counter(label: "a_total", factory: registry)
        counter.increment(by: 5)
        counter.increment(by: -3)
        let floating = FloatingPointCounter(label: "b_total", factory: registry)
        floating.increment(by: 1.5)
        floating.increment(by: -1)
        floating.increment(by: Double.nan)
        let meter = Meter(label: "m", factory: registry)
        meter.set(5)
        meter.increment(by: 2.0)
        meter.decrement(by: 10.0)
        #expect(lines(registry, "a_total") == ["a_total 5"])
        #expect(lines(registry, "b_total") == ["b_total 1.5"])
        #expect(lines(registry, "m") == ["m -3"])
        counter.reset()
        #expect(lines(registry, "a_total") == ["a_total 0"])
    }

    @Test func losesNoIncrementOfManyTasks() async {
        let registry = TelemetryRegistry()
        let (tasks, rounds) = (8, 20_000)
        await withDiscardingTaskGroup { group in
            for task in 0..<tasks {
                group.addTask {
                    let counter = Counter(label: "a_total", factory: registry)
                    let floating = FloatingPointCounter(label: "b_total", factory: registry)
                    let timer = Timer(label: "t_seconds", factory: registry)
                    for _ in 0..<rounds {
                        counter.increment()
                        floating.increment(by: 0.5)
                        timer.recordNanoseconds(500_000_000)
                    }
                    Counter(label: "own_total", dimensions: [("task", "\(task)")], factory: registry).increment()
                }
            }
            group.addTask {
                for _ in 0..<50 { #expect(registry.text().hasSuffix("\n")) }
            }
        }
        #expect(lines(registry, "a_total") == ["a_total \(tasks * rounds)"])
        #expect(lines(registry, "b_total") == ["b_total \(tasks * rounds / 2)"])
        #expect(lines(registry, "t_seconds") == ["t_seconds_count 160000", "t_seconds_sum 80000"])
        #expect(lines(registry, "own_total").count == tasks)
    }
}
