@testable import Collectors
import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct LogFollowerTests {
    let fixture = LogFixture()

    @Test func readsNothingWhenNothingGrew() throws {
        try fixture.append("one\nunfinished")
        // Long ago: right after a change the follower looks twice.
        var times = utimbuf(actime: 1_000_000_000, modtime: 1_000_000_000)
        #expect(utime(fixture.path, &times) == 0)
        var follower = LogFollower(path: fixture.path, configuration: .init(), logger: fixture.log.logger)
        while let lines = follower.next() { follower.confirm(lines) }
        let before = try readCalls()
        for _ in 0..<1000 { _ = follower.next() }
        // Two are those of the first `readCalls`, which reads to the end of its file.
        let after = try readCalls()
        #expect(after - before == 2)
    }

    @Test func givesBackTheMemoryOfALongLine() throws {
        try fixture.append(String(repeating: "x", count: 1_000_000) + "\nend\n")
        var follower = LogFollower(path: fixture.path, configuration: .init(), logger: fixture.log.logger)
        let initial = follower.buffer.capacity
        while let lines = follower.next() { follower.confirm(lines) }
        #expect(follower.buffer.capacity == initial)
    }

    /// How many read calls this thread has made (proc(5), `io`).
    private func readCalls() throws -> Int {
        let text = try ProcFile.text("/proc/thread-self/io")
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("syscr: ") })
        return try #require(Int(line.dropFirst(7)))
    }
}
