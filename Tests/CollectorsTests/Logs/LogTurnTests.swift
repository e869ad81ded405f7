import Foundation
import Glibc
import TestSupport
import Testing

@testable import Collectors

/// One log takes no more than its turn, whatever is in it.
@Suite(.timeLimit(.minutes(1))) struct LogTurnTests {
    private let fixture = LogFixture()

    private func follower() -> LogFollower {
        LogFollower(path: fixture.path, configuration: .patient, logger: fixture.log.logger)
    }

    @Test func aHoleOfATerabyteIsPassedAtOnce() throws {
        try fixture.append("one\n")
        #expect(truncate(fixture.path, 1 << 40) == 0)
        var follower = follower()
        let line = follower.next()
        let first = try #require(line)
        follower.confirm(first)
        #expect(first.content == "one")
        let none = follower.next()
        #expect(none == nil && !follower.isTurnOver)
        #expect(follower.turnBytes <= 1 << 20)
        let file = try #require(fopen(fixture.path, "a"))
        fputs("two\n", file)
        fclose(file)
        let second = follower.next()
        #expect(second?.content == "two")
    }

    @Test func nulsWithoutEndAreReadInTurns() throws {
        try Data(count: 3 * LogFollower.mostTurnBytes).write(to: URL(filePath: fixture.path))
        try fixture.append("end\n")
        var follower = follower()
        var turns = 0
        var chunk = follower.next()
        while chunk == nil, follower.isTurnOver {
            turns += 1
            #expect(follower.turnBytes < 2 * LogFollower.mostTurnBytes)
            chunk = follower.next()
        }
        #expect(turns >= 2 && chunk?.content == "end")
    }

    @Test func aProgressBarWithoutEndIsReadInTurns() throws {
        try fixture.append(String(repeating: "50%\r", count: LogFollower.mostTurnBytes / 2) + "100%\n")
        var follower = follower()
        var turns = 0
        var chunk = follower.next()
        while chunk == nil, follower.isTurnOver {
            turns += 1
            chunk = follower.next()
        }
        #expect(turns >= 1 && chunk?.content == "100%")
    }
}
