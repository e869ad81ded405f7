@testable import Console
import Foundation
import SystemSupport
import TestSupport
import Testing
import WebServing

struct ConnectionLimitTests {
    @Test func whoIsSlowToAskLosesTheConnection() async throws {
        try await RunningConsole.with(options: { $0.limits.web.firstRequest = .milliseconds(300) }) {
            (console: RunningConsole) async throws in
            let port = console.port
            let answer = try await PinnedThread.run(name: "slow-loris", onCancel: {}) { () -> [UInt8] in
                let connection = try RawConnection(port: port)
                try connection.send("GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
                // A byte now and then keeps nobody alive: sending fails once the console has closed the connection.
                for _ in 0..<10_000 {
                    do { try connection.send("a") } catch { break }
                    usleep(10_000)
                }
                return connection.readAll()
            }
            #expect(answer.isEmpty)
            try await eventually { console.server.connections.now.open == 0 }
        }
    }

    @Test func aConnectionThatRestsTooLongIsClosed() async throws {
        try await RunningConsole.with(options: { $0.limits.web.nextRequest = .milliseconds(200) }) {
            (console: RunningConsole) async throws in
            let port = console.port
            let text = try await PinnedThread.run(name: "rests", onCancel: {}) {
                let connection = try RawConnection(port: port)
                try connection.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                // Up to the end, which only the console makes.
                return String(decoding: connection.readAll(), as: UTF8.self)
            }
            #expect(text.hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func oneConnectionServesManyRequests() async throws {
        try await RunningConsole.with { (console: RunningConsole) async throws in
            let port = console.port
            let text = try await PinnedThread.run(name: "keeps", onCancel: {}) {
                let connection = try RawConnection(port: port)
                for _ in 0..<99 { try connection.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") }
                try connection.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return String(decoding: connection.readAll(), as: UTF8.self)
            }
            #expect(text.components(separatedBy: "HTTP/1.1 200").count == 101)
        }
    }

    @Test func connectionsAreLimitedAndComeFreeAgain() async throws {
        try await RunningConsole.with(options: { $0.limits.web.connectionsOfAClient = 3 }) {
            (console: RunningConsole) async throws in
            let port = console.port
            var open = try await PinnedThread.run(name: "many", onCancel: {}) {
                try (0..<3).map { _ in try RawConnection(port: port) }
            }
            try await eventually { console.server.connections.now.open == 3 }
            let refused = try await PinnedThread.run(name: "one-more", onCancel: {}) {
                let connection = try RawConnection(port: port)
                return connection.readAll()
            }
            #expect(refused.isEmpty)
            #expect(console.server.connections.now.refused == 1)
            #expect(open.count == 3)
            open = []
            try await eventually { console.server.connections.now.open == 0 }
            #expect(try await console.ask("/healthz").status == 200)
        }
    }
}
