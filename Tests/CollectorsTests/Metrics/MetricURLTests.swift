import Collectors
import Testing

@Suite(.timeLimit(.minutes(1))) struct MetricURLTests {
    @Test(arguments: [
        ("http://127.0.0.1:18889/metrics", "127.0.0.1", 18889),
        ("http://node-3", "node-3", 80),
        ("HTTP://node-3/x:9?y=http://z", "node-3", 80),
        ("http://[::1]:9/metrics", "::1", 9),
    ])
    func takesHTTPAddresses(text: String, host: String, port: Int) throws {
        let url = try MetricURL(text)
        #expect(url.host == host)
        #expect(url.port == port)
        #expect("\(url)" == text)
    }

    @Test(arguments: [
        "", "http://", "https://host/", "host:80", "http://:80/", "http://host:0", "http://host:+80",
        "http://host:65536", "http://host:x",
        "http://user:secret@host/", "http://[::1", "http://[::1]x", "http://a b/", "http://hôte/",
    ])
    func refusesAnythingElse(text: String) {
        #expect(throws: MetricURLError.self) { try MetricURL(text) }
    }

    @Test func isXPUTimersPageForAPort() throws {
        #expect("\(try MetricURL(xpuTimerPort: 18889))" == "http://127.0.0.1:18889/metrics")
        #expect(throws: MetricURLError.self) { try MetricURL(xpuTimerPort: 0) }
    }
}
