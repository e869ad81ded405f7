@testable import Console
import WebServing
import Diagnosis
import Foundation
import TestSupport
import Testing

struct ConsoleServerTests {
    private static let files: [String: [UInt8]] = [
        "/": Array("<!doctype html><title>arobust</title>".utf8), "/app/main.js": Array("export {}".utf8),
        "/app/app.css": Array("a {}".utf8), "/app/icon.svg": Array("<svg/>".utf8),
    ]

    // MARK: the page

    @Test func filesHaveTypesTagsAndTheHeadersThatKeepOthersOut() async throws {
        try await RunningConsole.with(files: Self.files) { (console: RunningConsole) async throws in
            let types = [
                "/": "text/html; charset=utf-8", "/app/main.js": "text/javascript; charset=utf-8",
                "/app/app.css": "text/css; charset=utf-8", "/app/icon.svg": "image/svg+xml",
            ]
            for (path, type) in types {
                let reply = try await console.ask(path)
                #expect(reply.status == 200)
                #expect(reply.body == Self.files[path])
                #expect(reply.headers["content-type"] == type)
                #expect(reply.headers["cache-control"] == "no-cache")
                #expect(reply.headers["x-content-type-options"] == "nosniff")
                #expect(reply.headers["referrer-policy"] == "no-referrer")
                let policy = try #require(reply.headers["content-security-policy"])
                #expect(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"))
                #expect(!policy.contains("unsafe"))
                let tag = try #require(reply.headers["etag"])
                let again = try await console.ask(path, headers: ["If-None-Match": tag])
                #expect(again.status == 304)
                #expect(again.body.isEmpty)
            }
        }
    }

    @Test(arguments: [
        "/app/../../etc/passwd", "/app/%2e%2e/%2e%2e/etc/passwd", "/app/..%2f..%2fetc%2fpasswd", "/app//etc/passwd",
        "/app/",
        "/app", "/etc/passwd", "/app/main.js/", "/app/main.js%00", "/app/MAIN.js", "/index.html", "/app/nothing.js",
    ])
    func noPathLeadsAnywhereElse(_ path: String) async throws {
        try await RunningConsole.with(files: Self.files) { (console: RunningConsole) async throws in
            let reply = try await console.ask(path)
            #expect(reply.status == 404)
            #expect(JSONValue(reply.body)?["error"]?.string?.isEmpty == false)
            #expect(reply.headers["content-security-policy"] != nil)
        }
    }

    @Test func allFilesOfThePageAreServed() async throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../Sources/Console/Resources")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.standardized.path)
        #expect(PageFiles.embedded.paths == names.map { $0 == "index.html" ? "/" : "/app/\($0)" }.sorted())
        try await RunningConsole.with { (console: RunningConsole) async throws in
            for name in names {
                let reply = try await console.ask(name == "index.html" ? "/" : "/app/\(name)")
                let content = try Data(contentsOf: folder.appending(path: name))
                #expect(reply.status == 200)
                #expect(reply.body == [UInt8](content), "\(name)")
            }
        }
    }

    @Test func headHasTheSameHeadersAndNoBody() async throws {
        try await RunningConsole.with(files: Self.files) { (console: RunningConsole) async throws in
            for path in [
                "/", "/app/main.js", "/healthz", "/api/v1/ranks", "/nothing", "/api/v1/logs?limit=x", "/metrics",
            ] {
                let (get, head) = (try await console.ask(path), try await console.ask(path, method: "HEAD"))
                #expect(head.status == get.status)
                #expect(head.headers["content-type"] == get.headers["content-type"])
                #expect(head.body.isEmpty)
                #expect(!get.body.isEmpty)
            }
            let events = try await console.ask("/api/v1/events", method: "HEAD")
            #expect(events.status == 200)
            #expect(console.server.feed.readerCount == 0)
        }
    }

    // MARK: what is no request for it

    @Test(arguments: ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"])
    func otherMethodsAreRefused(_ method: String) async throws {
        try await RunningConsole.with(files: Self.files) { (console: RunningConsole) async throws in
            for path in ["/", "/api/v1/logs", "/nothing"] {
                let reply = try await console.ask(path, method: method)
                if method == "BREW" {
                    // The parser knows no such method.
                    #expect([400, 405].contains(reply.status))
                } else {
                    #expect(reply.status == 405)
                    #expect(reply.headers["allow"] == "GET, HEAD")
                }
            }
        }
    }

    @Test func bodiesAreRefusedWithoutReadingThem() async throws {
        try await RunningConsole.with(files: Self.files) { (console: RunningConsole) async throws in
            let host = "Host: localhost\r\n"
            let declared = try await console.exchange(
                Array("GET / HTTP/1.1\r\n\(host)Content-Length: 100000000\r\n\r\n".utf8))
            #expect(declared.status == 413)
            let chunked = try await console.exchange(
                Array("GET / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n".utf8))
            #expect(chunked.status == 413)
            #expect(JSONValue(chunked.body)?["error"]?.string?.contains("no body") == true)
            let twice = try await console.exchange(
                Array("GET / HTTP/1.1\r\n\(host)Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".utf8))
            #expect([400, 413].contains(twice.status))
        }
    }

    @Test func longTargetsAndHeadersAreRefused() async throws {
        try await RunningConsole.with(files: Self.files) { (console: RunningConsole) async throws in
            let long = String(repeating: "a", count: 10 * 1024)
            let targets = ["/\(long)": 414, "/?\(String(long.prefix(8000)))": 200, "/\(long)\(long)": 400]
            for (target, status) in targets {
                let reply = try await console.ask(target)
                #expect(reply.status == status)
            }
            let header = try await console.ask("/", headers: ["X-Long": long + long])
            #expect(header.status == 400)
            // A proxy's form: what counts is the Host header.
            let absolute = try await console.ask("http://localhost/", headers: ["Host": "evil.example"])
            #expect(absolute.status == 421)
            #expect(try await console.ask("/").status == 200)
        }
    }

    @Test func whatIsNoHTTPEndsTheConnectionAlone() async throws {
        try await RunningConsole.with(files: Self.files) { (console: RunningConsole) async throws in
            for bytes in [
                Array("\u{16}\u{3}\u{1}garbage".utf8), [0xFF, 0xFE, 0x00, 0x0D, 0x0A, 0x0D, 0x0A],
                Array("GET / HTTP/9.9\r\n\r\n".utf8), Array("GET /\u{0} HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8),
                Array("GET /\r\n\r\n".utf8),
            ] {
                let reply = try await console.exchange(bytes)
                #expect([0, 400].contains(reply.status))
            }
            #expect(try await console.ask("/").status == 200)
        }
    }

    // MARK: other sites

    @Test func onlyItsOwnNamesAreAnswered() async throws {
        try await RunningConsole.with(options: { $0.names = ["Console.Example"] }, files: Self.files) {
            (console: RunningConsole) async throws in
            for host in [
                "localhost", "localhost:1", "127.0.0.1:8080", "[::1]:80", "console.example", "CONSOLE.example:443",
                "LOCALHOST.",
            ] {
                #expect(try await console.ask("/", headers: ["Host": host]).status == 200, "\(host)")
            }
            for host in [
                "evil.example", "localhost.evil.example", "evil.example:localhost", "127.0.0.1.evil.example",
                "10.0.0.1", "[::2]",
                "localhost:x", "localhost:99999", "console.example.", "[::1", "::1", "a@localhost", "localhost/",
            ] where host != "console.example." {
                let reply = try await console.ask("/", headers: ["Host": host])
                #expect([421, 400].contains(reply.status), "\(host)")
            }
            #expect(try await console.ask("/", headers: ["Host": nil]).status == 421)
            let two = Array("GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n".utf8)
            let both = try await console.exchange(two)
            #expect([400, 421].contains(both.status))
        }
    }

    @Test func pagesOfOtherSitesGetNothing() async throws {
        try await RunningConsole.with(files: Self.files) { (console: RunningConsole) async throws in
            for origin in ["http://evil.example", "null", "https://localhost.evil.example", "file://", "localhost"] {
                let reply = try await console.ask("/api/v1/ranks", headers: ["Origin": origin])
                #expect(reply.status == 403, "\(origin)")
                #expect(reply.headers["access-control-allow-origin"] == nil)
            }
            let own = try await console.ask("/api/v1/ranks", headers: ["Origin": "http://localhost:\(console.port)"])
            #expect(own.status == 200)
            for site in ["cross-site", "same-site"] {
                let fields: [String: String?] = ["Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"]
                #expect(try await console.ask("/api/v1/ranks", headers: fields).status == 403)
                #expect(try await console.ask("/app/main.js", headers: ["Sec-Fetch-Site": site]).status == 403)
                #expect(
                    try await console.ask("/", headers: ["Sec-Fetch-Site": site, "Sec-Fetch-Mode": "cors"]).status
                        == 403)
                #expect(try await console.ask("/", headers: fields).status == 200)
            }
            for site in ["same-origin", "none"] {
                #expect(try await console.ask("/app/main.js", headers: ["Sec-Fetch-Site": site]).status == 200)
            }
        }
    }

    @Test func aPortThatIsTakenIsSaidSo() async throws {
        try await RunningConsole.with { (console: RunningConsole) async throws in
            let second = try ConsoleServer(
                store: console.store, options: ConsoleOptions(port: console.port), logger: console.log.logger)
            let error = await #expect(throws: PageAddressError.self) { try await second.run() }
            #expect(error?.description.contains("127.0.0.1:\(console.port)") == true)
            #expect(error?.description.contains("Address already in use") == true)
        }
    }

    // MARK: the token

    private static let token = "a-token-of-some-length+/="

    @Test func withATokenNothingButHealthIsAnsweredWithoutIt() async throws {
        try await RunningConsole.with(options: { $0.token = Self.token }, files: Self.files) {
            (console: RunningConsole) async throws in
            for path in ["/", "/app/main.js", "/api/v1/ranks", "/metrics", "/api/v1/events", "/nothing"] {
                #expect(try await console.ask(path).status == 401)
                #expect(try await console.ask(path, headers: ["Authorization": "Bearer wrong"]).status == 401)
                #expect(try await console.ask(path, headers: ["Cookie": "arobust_console=\(Self.token)"]).status == 401)
            }
            #expect(try await console.ask("/healthz").status == 200)
            for path in ["/", "/api/v1/ranks", "/metrics"] {
                #expect(try await console.ask(path, headers: ["Authorization": "Bearer \(Self.token)"]).status == 200)
            }
        }
    }

    @Test func theTokenInTheAddressBecomesACookieThatScriptsCannotRead() async throws {
        try await RunningConsole.with(options: { $0.token = Self.token }, files: Self.files) {
            (console: RunningConsole) async throws in
            #expect(try await console.ask("/?token=wrong").status == 401)
            #expect(try await console.ask("/app/main.js?token=a-token-of-some-length%2B%2F%3D").status == 401)
            let reply = try await console.ask("/?token=a-token-of-some-length%2B%2F%3D")
            #expect(reply.status == 303)
            #expect(reply.headers["location"] == "/")
            let cookie = try #require(reply.headers["set-cookie"])
            #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"))
            #expect(!cookie.contains(Self.token))
            let pair = try #require(cookie.split(separator: ";").first)
            #expect(try await console.ask("/", headers: ["Cookie": "other=1; \(pair)"]).status == 200)
            #expect(try await console.ask("/", headers: ["Cookie": "\(pair)0"]).status == 401)
        }
    }

    @Test func beyondLoopbackItWantsATokenAndSaysSo() throws {
        for host in ["0.0.0.0", "::", "10.1.2.3", "node7", "127.0.0.1.evil.example"] {
            let error = #expect(throws: ConsoleOptionsError.self) { try ConsoleOptions(host: host).check() }
            #expect(error?.description.contains("give a token") == true)
            try ConsoleOptions(host: host, token: Self.token).check()
        }
        for host in ["127.0.0.1", "127.8.0.1", "::1", "localhost"] { try ConsoleOptions(host: host).check() }
        #expect(throws: ConsoleOptionsError.self) { try ConsoleOptions(token: "short").check() }
        #expect(throws: ConsoleOptionsError.self) { try ConsoleOptions(token: "a token with spaces in it").check() }
    }

    @Test func aConsoleThatListensEverywhereAnswersToAddressesAndNotToNames() {
        let hosts = WebHosts(host: "0.0.0.0", names: ["cluster.example"])
        #expect(hosts.allows(authority: "10.1.2.3:8080") && hosts.allows(authority: "[fd00::1]:8080"))
        #expect(hosts.allows(authority: "cluster.example") && hosts.allows(origin: "https://cluster.example"))
        #expect(!hosts.allows(authority: "evil.example") && !hosts.allows(origin: "http://evil.example:8080"))
    }
}
