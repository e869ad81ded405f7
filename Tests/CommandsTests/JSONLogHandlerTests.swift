import Foundation
import Logging
import Synchronization
import Testing

@testable import Commands

@Suite struct JSONLogHandlerTests {
    private final class Lines: Sendable {
        private let all = Mutex<[String]>([])
        var first: String? { all.withLock { $0.first } }
        func add(_ bytes: [UInt8]) { all.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) } }
    }

    private let lines = Lines()

    private func logger(hasPriority: Bool = false) -> Logger {
        Logger(label: "t") { [lines] _ in
            JSONLogHandler(
                label: "arobust", hasPriority: hasPriority, now: { 1_795_456_800_001_234_567 }, write: { lines.add($0) }
            )
        }
    }

    private func object(_ line: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    @Test func anEventIsAnObject() throws {
        var logger = logger()
        logger[metadataKey: "path"] = "/x"
        logger.warning("A log can't be read.", metadata: ["count": "3", "list": ["a", ["b": "c"]]])
        let line = try #require(lines.first)
        #expect(
            line == """
                {"time":"2026-11-23T18:00:00.001234Z","level":"warning","label":"arobust","component":"CommandsTests",\
                "message":"A log can't be read.","metadata":{"count":"3","list":["a",{"b":"c"}],"path":"/x"}}

                """)
    }

    /// Quotes, breaks, what commands a terminal, no field taking another's place: the line stays one line, and means the same.
    @Test(arguments: [
        "\"}\n{\"level\":\"critical\"", "a\\", "\u{0}\u{1}\t\r\n", "\u{1B}[2J", "\u{202E}x", "日本\u{2028}", "",
        String(repeating: "x\"", count: 100_000),
    ]) func anythingCanBeLogged(_ text: String) throws {
        logger().info("\(text)", metadata: ["level": "\(text)", "\(text)": "1"])
        let line = try #require(lines.first)
        #expect(line.split(separator: "\n", omittingEmptySubsequences: false).count == 2)
        #expect(line.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 0x20 && $0 != "\u{202E}" })
        let object = try object(line)
        #expect(object["level"] as? String == "info")
        let message = try #require(object["message"] as? String)
        #expect(message == text || text.hasPrefix(message.dropLast()) && message.count > 10_000)
        #expect((object["metadata"] as? [String: Any])?["level"] as? String == message)
    }

    @Test func secretsAreHidden() throws {
        logger().error(
            "no answer from http://user:hunter2@host/",
            metadata: ["token": "s3cr3t-s3cr3t-s3cr3t", "url": "a://b:pass1word@c"])
        let line = try #require(lines.first)
        #expect(!line.contains("hunter2") && !line.contains("s3cr3t") && !line.contains("pass1word"))
        #expect(try object(line)["message"] as? String == "no answer from http://[redacted]@host/")
    }

    @Test func theJournalGetsThePriority() throws {
        logger(hasPriority: true).critical("x")
        let line = try #require(lines.first)
        #expect(line.hasPrefix("<2>{"))
        #expect(try object(String(line.dropFirst(3)))["level"] as? String == "critical")
    }
}
