@testable import Monitoring
import Testing

struct MonitorAddressTests {
    @Test(arguments: [
        ("127.0.0.1:9090", "127.0.0.1:9090", false), ("localhost:0", "127.0.0.1:0", false),
        ("127.1.2.3:1", "127.1.2.3:1", false), ("[::1]:9090", "[::1]:9090", false),
        ("0.0.0.0:9090", "0.0.0.0:9090", true), ("[::]:9090", "[::]:9090", true),
        ("10.0.0.7:65535", "10.0.0.7:65535", true), ("unix:/run/arobust/http", "unix:/run/arobust/http", false),
        ("unix:///run/http", "unix:/run/http", false),
    ])
    func addressesAreRead(_ text: String, _ shown: String, _ isBeyondLoopback: Bool) throws {
        let address = try #require(MonitorAddress(text))
        #expect(address.description == shown)
        #expect(address.isBeyondLoopback == isBeyondLoopback)
    }

    @Test(arguments: [
        "", "9090", ":9090", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "::1:9090",
        "[127.0.0.1]:9090", "[::1]", "node-1:9090", "http://127.0.0.1:9090", "unix:", "unix:relative", "unix:/folder/",
        "unix://host/path", "127.0.0.1:9090/metrics", "256.0.0.1:1",
    ])
    func othersAreNot(_ text: String) { #expect(MonitorAddress(text) == nil) }

    @Test func aPathThatASocketCannotHaveIsNone() {
        #expect(MonitorAddress("unix:/" + String(repeating: "a", count: 106)) != nil)
        #expect(MonitorAddress("unix:/" + String(repeating: "a", count: 107)) == nil)
    }
}
