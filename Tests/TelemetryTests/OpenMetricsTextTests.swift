import Telemetry
import Testing

@Suite
struct OpenMetricsTextTests {
    @Test(arguments: [
        // Prometheus 2 and 3, and curl.
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            MetricsForm.openMetrics
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,*/*;q=0.1",
            .openMetrics
        ),
        ("text/plain;version=0.0.4;q=1,*/*;q=0.1", .prometheus), ("*/*", .prometheus), ("", .prometheus),
        ("Application/OpenMetrics-Text ; version=\"1.0.0\"", .openMetrics),
        ("application/openmetrics-text", .openMetrics),
        ("application/openmetrics-text;version=2.0.0", .prometheus), ("application/openmetrics-text;q=0", .prometheus),
        ("application/openmetrics-text;q=0.2, text/plain;q=0.9", .prometheus), ("text/html,,;q=,;;=", .prometheus),
        ("application/openmetrics-text;q=x", .prometheus),
    ])
    func formIsWhatTheCallerWantsMost(accept: String, form: MetricsForm) {
        #expect(MetricsForm(accept: accept) == form)
    }

    @Test
    func nobodyWhoSaysNothingGetsOpenMetrics() {
        #expect(MetricsForm(accept: nil) == .prometheus)
        #expect(MetricsForm.prometheus.text(of: "a 1\n") == "a 1\n")
    }

    @Test
    func familiesAreNamedAsOpenMetricsWants() {
        let page = """
            # HELP x_bytes_total Bytes that were "read".
            # TYPE x_bytes_total counter
            x_bytes_total{a="# HELP no \\"quotes\\""} 3
            # HELP x_build_info Always 1.
            # TYPE x_build_info gauge
            x_build_info{version="1"} 1
            # TYPE wait_seconds summary
            wait_seconds_sum 0.5
            wait_seconds_count 2
            # TYPE odd counter
            odd 1

            """
        #expect(
            MetricsForm.openMetrics.text(of: page) == """
                # TYPE x_bytes counter
                # UNIT x_bytes bytes
                # HELP x_bytes Bytes that were \\"read\\".
                x_bytes_total{a="# HELP no \\"quotes\\""} 3
                # TYPE x_build info
                # HELP x_build Always 1.
                x_build_info{version="1"} 1
                # TYPE wait_seconds summary
                # UNIT wait_seconds seconds
                wait_seconds_sum 0.5
                wait_seconds_count 2
                # TYPE odd unknown
                odd 1
                # EOF

                """)
    }

    @Test
    func aPageWithNothingIsStillOne() {
        #expect(MetricsForm.openMetrics.text(of: "") == "# EOF\n")
    }
}
