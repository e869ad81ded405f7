import NIOCore
import Testing

@testable import DLRoverListener
@testable import GRPCServing

/// Who is let in, and who has to go, without a connection.
@Suite struct ConnectionTableTests {
    private var table = ConnectionTable(limits: .init(all: 16))
    private var activities: [Int: ConnectionActivity] = [:]

    private mutating func arrive(_ id: Int) -> ConnectionTable.Decision {
        let activity = ConnectionActivity(now: .uptimeNanoseconds(UInt64(id)))
        activities[id] = activity
        return table.arrive(id, activity)
    }

    private mutating func enter(_ id: Int, _ standing: ConnectionTable.Standing, isReady: Bool = true)
        -> ConnectionTable.Decision
    {
        guard case .keep = arrive(id) else { return .refuse }
        if isReady { activities[id]?.becomeReady() }
        return table.settle(id, as: standing)
    }

    @Test mutating func strangersDisplaceEachOtherAndNobodyElse() {
        #expect(enter(1, .caller(7)) == .keep)
        #expect(enter(2, .stranger) == .keep)
        #expect(enter(3, .stranger) == .keep)
        for id in 4..<1000 {
            #expect(enter(id, .stranger) == .keepInsteadOf(id - 2))
            #expect(table.count == 3)
        }
    }

    @Test mutating func aStrangerWhoIsBeingToldSoStays() {
        #expect(enter(1, .stranger) == .keep)
        #expect(enter(2, .stranger) == .keep)
        activities[1]?.beginCall()
        activities[2]?.beginCall()
        #expect(enter(3, .stranger) == .refuse)
        activities[2]?.endCall(now: .uptimeNanoseconds(9))
        #expect(enter(4, .stranger) == .keepInsteadOf(2))
    }

    @Test mutating func aUserWithoutEndDisplacesTheirOwn() {
        #expect(enter(0, .caller(1)) == .keep)
        for id in 1...8 { #expect(enter(id, .caller(7)) == .keep) }
        #expect(enter(9, .caller(7)) == .keepInsteadOf(1))
        activities[2]?.beginCall()
        #expect(enter(10, .caller(7)) == .keepInsteadOf(3))
        #expect(enter(11, .caller(1)) == .keep)
    }

    @Test mutating func whoSaysNothingGoesBeforeWhoIsIdle() {
        for id in 1...7 { #expect(enter(id, .caller(7)) == .keep) }
        #expect(enter(8, .caller(7), isReady: false) == .keep)
        #expect(enter(9, .caller(7)) == .keepInsteadOf(8))
        #expect(enter(10, .caller(7)) == .keepInsteadOf(1))
    }

    @Test mutating func whoIsIdleLongestGoesFirst() {
        for id in 1...8 { #expect(enter(id, .caller(7)) == .keep) }
        activities[1]?.beginCall()
        activities[1]?.endCall(now: .uptimeNanoseconds(100))
        #expect(enter(9, .caller(7)) == .keepInsteadOf(2))
    }

    @Test mutating func nobodyWithACallUnderWayGoes() {
        for id in 1...8 {
            #expect(enter(id, .caller(7)) == .keep)
            activities[id]?.beginCall()
        }
        #expect(enter(9, .caller(7)) == .refuse)
        #expect(table.count == 8)
        table.leave(3)
        #expect(enter(10, .caller(7)) == .keep)
    }

    @Test mutating func allTogetherAreBounded() {
        for id in 1...16 { #expect(enter(id, .caller(UInt32(id))) == .keep) }
        #expect(arrive(17) == .keepInsteadOf(1))
        #expect(table.count == 16)
    }

    @Test mutating func onlySoManyArriveAtATime() {
        for id in 1...8 { #expect(arrive(id) == .keep) }
        #expect(arrive(9) == .refuse)
        #expect(table.settle(1, as: .caller(nil)) == .keep)
        #expect(arrive(10) == .keep)
        #expect(table.settle(99, as: .stranger) == .refuse, "it is gone")
    }

    @Test(arguments: [0, 1, 2, 3]) func alsoAVerySmallLimitLetsSomebodyIn(all: Int) {
        var table = ConnectionTable(limits: .init(all: max(1, all)))
        #expect(table.arrive(1, ConnectionActivity()) == .keep)
        #expect(table.settle(1, as: .caller(0)) == .keep)
    }
}
