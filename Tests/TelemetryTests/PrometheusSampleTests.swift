import Telemetry
import Testing

@Suite struct PrometheusSampleTests {
    @Test(
        arguments: [
            ("a 1", "a", [:], 1), ("a{} 1", "a", [:], 1), ("  a\t-1.5e3 ", "a", [:], -1500),
            ("a +Inf", "a", [:], .infinity),
            ("a:b_9{x=\"1\",y=\"a b\",} 0 1700000000000\r", "a:b_9", ["x": "1", "y": "a b"], 0),
            (#"a { x = "\"\\\n\t" } 2"#, "a", ["x": "\"\\\n\\t"], 2),
            (
                #"XPU_TIMER_COMMON_HANG{ip="11.36.23.0",rank="4"} 0"#, "XPU_TIMER_COMMON_HANG",
                ["ip": "11.36.23.0", "rank": "4"], 0
            ),
        ] as [(String, String, [String: String], Double)])
    func readsASample(line: String, name: String, labels: [String: String], value: Double) throws {
        let sample = try #require(PrometheusSample(line))
        #expect(sample.name == name)
        #expect(sample.labels == labels)
        #expect(sample.value == value)
    }

    @Test(arguments: [
        "", " ", "# TYPE a counter", "a", "a{x=\"1\"}", "a{x=\"1\" 1", "a{x=\"1", "a{x=1} 1", "a{x} 1",
        "a{\"x\"=\"1\"} 1",
        "9a 1", "a b", "a 1 b", "a 1 2 3", "a 1 now", "<html><body>", "<h1>It works</h1> 1", "{\"status\": 1}",
        "404 page not found", "Not found 404", "\u{1F}\u{8B}\u{8}\u{0}\u{FFFD} 1", "a{x=\"\\",
    ])
    func refusesAnythingElse(line: String) {
        #expect(PrometheusSample(line) == nil)
    }
}
