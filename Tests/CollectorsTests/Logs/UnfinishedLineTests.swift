@testable import Collectors
import Diagnosis
import Logging
import TestSupport
import Testing

/// Lines that have no end yet.
@Suite(.timeLimit(.minutes(1))) struct UnfinishedLineTests {
    let fixture = LogFixture()
    let start = ContinuousClock.now

    @Test func goOutAfterAQuietTimeAndAreContinued() throws {
        var follower = follower()
        try fixture.append("step 1\nlast wor")
        #expect(take(&follower, after: 0) == ["step 1"])
        #expect(take(&follower, after: 1) == [])
        #expect(take(&follower, after: 3) == ["last wor"])
        #expect(take(&follower, after: 9) == [])
        try fixture.append("ds\nnext\n")
        #expect(take(&follower, after: 9) == ["[arobust: line continued] ds\nnext"])
    }

    @Test func areContinuedByTheirEndAloneOverARestart() throws {
        var follower = follower()
        try fixture.append("whole")
        #expect(take(&follower, after: 0) == [])
        let next = follower.next(now: start + .seconds(3))
        let chunk = try #require(next)
        follower.confirm(chunk)
        try fixture.append("\nnext\n")
        var other = self.follower()
        other.resume(from: try LogPosition(bytes: try #require(chunk.position).bytes))
        #expect(take(&other, after: 4) == ["next"])
    }

    @Test func doNotTearACharacter() throws {
        var follower = follower()
        try fixture.folder.append([0x61, 0xE8, 0xAE], to: fixture.name)
        #expect(take(&follower, after: 0) == [])
        #expect(take(&follower, after: 3) == ["a"])
        try fixture.folder.append([0xAD, 0x0A], to: fixture.name)
        #expect(take(&follower, after: 4) == ["[arobust: line continued] 训"])
    }

    @Test func ofABarDoNotTearACharacter() throws {
        var follower = follower()
        try fixture.folder.append(Array("\r 1%\r 2%|".utf8) + [0xE2, 0x96], to: fixture.name)
        #expect(take(&follower, after: 0) == [" 1%"])
        #expect(take(&follower, after: 3) == [" 2%|"])
        #expect(take(&follower, after: 6) == [])
        try fixture.folder.append([0x88] + Array("\r 3%\n".utf8), to: fixture.name)
        #expect(take(&follower, after: 7) == [" 3%"])
    }

    @Test func goOutAtOnceInTheLastRound() throws {
        var follower = follower()
        try fixture.append("last words")
        let chunk = follower.next(now: start, isLast: true)
        #expect(chunk?.content == "last words")
    }

    @Test func ofAProgressBarShowItsStateNowAndThenAndAtItsEnd() throws {
        var follower = follower()
        try fixture.append("\r 1%\r 2%\r 3")
        #expect(take(&follower, after: 0) == [" 2%"])
        try fixture.append("%\r 4%\r 5%")
        #expect(take(&follower, after: 1) == [])
        try fixture.append("\r 6%")
        #expect(take(&follower, after: 6) == [" 5%"])
        // It hangs.
        #expect(take(&follower, after: 9) == [" 6%"])
        try fixture.append("\r100%\nend\n")
        #expect(take(&follower, after: 10) == ["100%\nend"])
    }

    @Test func keepTheirReturnIfTheirEndIsReadInTwo() throws {
        var follower = follower()
        try fixture.append("step 1\r")
        #expect(take(&follower, after: 0) == [])
        try fixture.append("\nstep 2\r\n")
        #expect(take(&follower, after: 1) == ["step 1\r\nstep 2\r"])
    }

    @Test func ofAnEndlessProgressBarTakeLittleMemory() throws {
        var follower = follower()
        for number in 0..<200 {
            try fixture.append(
                String(repeating: "\r 50%|#####     | 5/10 [00:05<00:05, 1.00s/it] \(number)", count: 500))
            _ = take(&follower, after: 1)
        }
        #expect(follower.buffer.capacity < 2 << 20)
        try fixture.append("\r100%\n")
        #expect(take(&follower, after: 1).last == "100%")
    }

    /// A crash left NULs, and the bar of the next start stands behind them.
    @Test func thatAHoleEndsAreNotTakenForABarsEarlierState() throws {
        var follower = follower()
        try fixture.append("step 10 lo\0\0\0\0\0\r 1%\r 2%\r 3")
        #expect(take(&follower, after: 0) == ["step 10 lo", " 2%"])
        try fixture.append("%\n")
        #expect(take(&follower, after: 1) == [" 3%"])
    }

    @Test(arguments: [(4, 1), (5, 3), (4, 4), (4096, 2)]) func holesThatAreReadInTwoAreLeftOutWhole(
        first: Int, second: Int
    ) throws {
        var follower = follower()
        let nulls = [first, second].map { String(repeating: "\0", count: $0) }
        try fixture.append("a\n" + nulls[0])
        #expect(take(&follower, after: 0) == ["a"])
        try fixture.append(nulls[1] + "b\n")
        #expect(take(&follower, after: 1) == ["b"])
        try fixture.append("\0\0c\n\0d\n")
        #expect(take(&follower, after: 1) == ["\0\0c\n\0d"])
    }

    @Test(arguments: ["", "\0", "\0\0\0"]) func thatAHoleEndsHaveNoSecondEnd(first: String) throws {
        var follower = follower()
        try fixture.append("a" + first)
        #expect(take(&follower, after: 0) == [])
        try fixture.append("\0\0\0\0")
        #expect(take(&follower, after: 1) == ["a"])
        try fixture.append("\0\n\nb\n")
        #expect(take(&follower, after: 1) == ["\nb"])
    }

    private func follower() -> LogFollower {
        LogFollower(path: fixture.path, configuration: .init(), logger: fixture.log.logger)
    }

    private func take(_ follower: inout LogFollower, after seconds: Int) -> [String] {
        var contents: [String] = []
        while let chunk = follower.next(now: start + .seconds(seconds)) {
            contents.append(chunk.content)
            guard follower.confirm(chunk) else { break }
        }
        return contents
    }
}
