import CoreMetrics
import Telemetry
import Testing

@Suite struct PrometheusTextTests {
    private let registry = TelemetryRegistry(help: ["a_total": "What a\\b\nis \"called\"."])
    private let refused = """
        # TYPE arobust_telemetry_refused_series_total counter
        arobust_telemetry_refused_series_total 0

        """

    @Test func writesEveryKindInTheOrderOfNamesAndLabels() {
        Timer(label: "e_seconds", factory: registry).recordNanoseconds(1_500_000_000)
        Gauge(label: "d", factory: registry).record(-2.5)
        Recorder(label: "c", dimensions: [("x", "1")], factory: registry).record(3)
        FloatingPointCounter(label: "b_total", factory: registry).increment(by: 0.25)
        Counter(label: "a_total", dimensions: [("z", "2"), ("y", "2")], factory: registry).increment(by: 7)
        Counter(label: "a_total", dimensions: [("y", "1"), ("z", "3")], factory: registry).increment()
        #expect(
            registry.text() == """
                # HELP a_total What a\\\\b\\nis "called".
                # TYPE a_total counter
                a_total{y="1",z="3"} 1
                a_total{y="2",z="2"} 7
                \(refused)# TYPE b_total counter
                b_total 0.25
                # TYPE c summary
                c_count{x="1"} 1
                c_sum{x="1"} 3
                # TYPE d gauge
                d -2.5
                # TYPE e_seconds summary
                e_seconds_count 1
                e_seconds_sum 1.5

                """)
    }

    @Test func escapesLabelValues() {
        Gauge(label: "g", dimensions: [("path", "C:\\a \"b\"\n\r\nc")], factory: registry).record(1)
        #expect(registry.text().contains(#"g{path="C:\\a \"b\"\n\\r\nc"} 1"#))
    }

    @Test(
        arguments: [
            (0, "0"), (-0.0, "0"), (-0.5, "-0.5"), (1e16, "1e+16"), (999_999_999_999_999, "999999999999999"),
            (.nan, "NaN"),
            (.infinity, "+Inf"), (-.infinity, "-Inf"), (0.1, "0.1"),
        ] as [(Double, String)])
    func writesNumbersAsShortAsTheyAre(value: Double, text: String) {
        Gauge(label: "g", factory: registry).record(value)
        #expect(registry.text().hasSuffix("\ng \(text)\n"))
    }

    @Test func makesForeignNamesValid() {
        Counter(label: "http.requests", dimensions: [("a:b", "1"), ("", "2"), ("9é", "3")], factory: registry)
            .increment()
        Timer(label: "9 lives", factory: registry).recordSeconds(2)
        #expect(registry.text().contains("\nhttp_requests_total{_=\"2\",_9_=\"3\",a_b=\"1\"} 1\n"))
        #expect(registry.text().contains("\n_9_lives_seconds_sum 2\n"))
    }

    @Test func whatItWritesCanBeRead() throws {
        let value = "\\n\\\"\n, }\té"
        Gauge(label: "g", dimensions: [("a", value), ("b", "")], factory: registry).record(1e300)
        let line = try #require(registry.text().split(separator: "\n").first { $0.hasPrefix("g{") })
        let sample = try #require(PrometheusSample(line))
        #expect(sample.name == "g")
        #expect(sample.labels == ["a": value, "b": ""])
        #expect(sample.value == 1e300)
    }
}
