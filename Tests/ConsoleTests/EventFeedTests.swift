@testable import Console
import WebServing
import Diagnosis
import Foundation
import NIOCore
import ServiceLifecycle
import SystemSupport
import TestSupport
import Testing

struct EventFeedTests {
    @Test func aReaderIsToldAtOnceAndThenAtEachHeartbeat() async throws {
        try await RunningConsole.with(options: {
            $0.limits.heartbeat = .milliseconds(100)
            $0.limits.eventPause = .milliseconds(20)
        }) { (console: RunningConsole) async throws in
            let port = console.port
            let text = try await PinnedThread.run(name: "reader", onCancel: {}) {
                let connection = try RawConnection(port: port)
                try connection.send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                var text = ""
                while text.components(separatedBy: "event: change").count < 4, let bytes = connection.read() {
                    text += String(decoding: bytes, as: UTF8.self)
                }
                return text
            }
            #expect(text.hasPrefix("HTTP/1.1 200"))
            #expect(text.lowercased().contains("content-type: text/event-stream"))
            let data = try #require(text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("data: ") })
            let event = try #require(JSONValue(Array(data.dropFirst(6).utf8)))
            #expect(
                event["now"] != nil && event["last_line_id"] != nil && event["lines"] != nil && event["what"] != nil)
            let ids = text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("id: ") }.compactMap {
                Int($0.dropFirst(4))
            }
            #expect(ids == ids.sorted() && Set(ids).count == ids.count && ids.count >= 3)
            // Who is gone makes room.
            try await eventually { console.server.feed.readerCount == 0 }
        }
    }

    @Test func aReaderThatStopsReadingCostsNoMemoryAndIsSentAway() async throws {
        try await RunningConsole.with(options: {
            $0.limits.web.stalled = .milliseconds(300)
            $0.limits.heartbeat = .seconds(60)
        }) { (console: RunningConsole) async throws in
            let (port, feed) = (console.port, console.server.feed)
            let stopped = try await PinnedThread.run(name: "stopped", onCancel: {}) {
                let connection = try RawConnection(port: port, receiveBuffer: 4096)
                try connection.send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return connection
            }
            try await eventually { feed.readerCount == 1 }
            // Far more than sockets hold.
            let large = Array(repeating: UInt8(ascii: "x"), count: 256 * 1024)
            try await eventually {
                feed.publish(large)
                return feed.readerCount == 0
            }
            // Others were served all the time.
            #expect(try await console.ask("/healthz").status == 200)
            #expect(stopped.descriptor >= 0)
        }
    }

    @Test func aSlowReaderGetsTheNewestAlone() async throws {
        let feed = EventFeed(most: 2)
        let reader = try feed.join()
        for number in 0..<10_000 { feed.publish(Array("\(number)".utf8)) }
        feed.close()
        var events: [String] = []
        for await event in reader.events { events.append(String(buffer: event)) }
        #expect(events == ["id: 10000\nevent: change\ndata: 9999\n\n"])
    }

    @Test func readersAreLimited() async throws {
        let feed = EventFeed(most: 2)
        var readers = [try feed.join(), try feed.join()]
        #expect(readers.count == 2)
        #expect(throws: Refusal.self) { try feed.join() }
        readers.removeLast()
        readers.append(try feed.join())
        #expect(feed.readerCount == 2)
        feed.close()
        readers = []
        #expect(throws: Refusal.self) { try feed.join() }
    }

    @Test func aConsoleThatStopsWaitsForNoReader() async throws {
        try await RunningConsole.with { (console: RunningConsole) async throws in
            let (ports, port) = AsyncStream<Int>.makeStream()
            let server = try ConsoleServer(
                store: console.store, options: ConsoleOptions(port: 0), logger: console.log.logger
            ) { _, number in
                port.yield(number)
            }
            let group = ServiceGroup(services: [server], logger: console.log.logger)
            async let ended: Void = group.run()
            let number = try #require(await ports.first { _ in true })
            async let told = PinnedThread.run(name: "reader", onCancel: {}) {
                let connection = try RawConnection(port: number)
                try connection.send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                // Up to the end, which only the console makes.
                return String(decoding: connection.readAll(), as: UTF8.self)
            }
            try await eventually { server.feed.readerCount == 1 }
            await group.triggerGracefulShutdown()
            try await ended
            #expect(try await told.hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func tooManyReadersAreToldSo() async throws {
        try await RunningConsole.with(options: { $0.limits.readers = 0 }) { (console: RunningConsole) async throws in
            let reply = try await console.ask("/api/v1/events")
            #expect(reply.status == 503)
            #expect(JSONValue(reply.body)?["error"]?.string?.contains("readers") == true)
        }
    }
}
