import SystemSupport
import Testing

@Suite struct DescriptorLimitTests {
    @Test(arguments: [0, 1, 3, 64, 500])
    func whatIsNeededLeavesRoomForLogsAndConnections(masters: Int) {
        let needed = DescriptorLimit.needed(masters: masters)
        let limit = DescriptorLimit(count: needed)
        #expect(limit.listenerConnections(masters: masters) >= 16)
        #expect(throws: Never.self) { try limit.check(masters: masters) }
        #expect(throws: ProcessLimitError.self) { try DescriptorLimit(count: needed - 1).check(masters: masters) }
    }

    @Test(arguments: [0, 1, 32, 100, 256, 512, 1024, 65536, 1 << 30, Int.max])
    func allSharesTogetherAreLessThanTheLimit(count: Int) {
        let limit = DescriptorLimit(count: count)
        let shares = limit.logs + limit.listenerConnections(masters: 0) + 4 * limit.busConnections
        #expect(shares + DescriptorLimit.reserve(masters: 0) <= count || count < DescriptorLimit.needed(masters: 0))
        #expect(limit.listenerConnections(masters: 3) <= 2048 && limit.busConnections <= 2048)
        #expect(limit.firstReserved < count || count == 0)
    }

    @Test func theErrorSaysHowManyAreNeeded() throws {
        let error = #expect(throws: ProcessLimitError.self) { try DescriptorLimit(count: 64).check(masters: 1) }
        #expect(
            "\(try #require(error))" == """
                cannot run with at most 64 open files: 232 are needed with 1 master; raise the limit (ulimit -n, LimitNOFILE= of systemd)
                """)
    }

    @Test func theLimitIsRaised() {
        DescriptorLimit.raise()
        #expect(DescriptorLimit.current.count > 64)
    }
}

@Suite struct ThreadTrialTests {
    @Test func aFewThreadsCanBeStarted() {
        #expect(throws: Never.self) { try ThreadTrial.run(20, bytes: 1 << 20) }
    }

    @Test func moreMemoryThanThereCanBeIsTold() throws {
        let error = #expect(throws: ProcessLimitError.self) { try ThreadTrial.run(2, bytes: 1 << 60) }
        #expect("\(try #require(error))".hasPrefix("cannot run in the memory that this process may have: "))
    }

    @Test func moreMastersNeedMoreThreads() {
        #expect(ThreadTrial.needed(masters: 2) > ThreadTrial.needed(masters: 0))
    }
}
