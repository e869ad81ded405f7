import Testing

@testable import Agent

/// Nodes share the interval out among themselves, and each keeps its place.
struct RoundPhaseTests {
    private static let minute = UInt64(60_000_000_000)

    @Test func roundsOfANodeBeginAtTheSamePartOfEveryInterval() {
        for hash in UInt64(0)..<200 {
            let phase = RoundPhase(of: NodeShare(hash: hash), interval: .seconds(60))
            var now = 1_795_479_600 * UInt64(1_000_000_000) + hash * 777_777_777
            var slots: Set<UInt64> = []
            for _ in 0..<50 {
                now += UInt64(phase.untilNext(now) / .nanoseconds(1))
                // One in each minute, and not near its ends.
                #expect(slots.insert(now / Self.minute).inserted)
                #expect((6_000_000_000...54_000_000_000).contains(now % Self.minute))
                // A scrape takes a while.
                now += 3_000_000_000
            }
            #expect((slots.max() ?? 0) - (slots.min() ?? 0) == 49)
            #expect(phase.first >= .zero && phase.first <= .seconds(5))
        }
    }

    @Test func nodesAreSpreadEvenly() {
        var places = [Int](repeating: 0, count: 12)
        for hash in UInt64(0)..<1200 {
            places[
                Int(
                    RoundPhase(of: NodeShare(hash: hash &* 0x9E37_79B9_7F4A_7C15), interval: .seconds(60)).untilNext(0)
                        / .seconds(5))] +=
                1
        }
        // Of 48 s in the middle, 1.5 s is 37.5 nodes' share.
        #expect(places[2..<10].allSatisfy { (80...170).contains($0) }, "\(places)")
    }
}
