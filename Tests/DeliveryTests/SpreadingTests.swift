import Diagnosis
import Testing

@testable import Delivery

/// Nodes that collect in the same moment don't report in the same moment, and none later than it may.
struct SpreadingTests {
    typealias Fixture = DeliveryStateTests.Fixture

    private static func phase(_ share: Double?, batchTime: Duration = .seconds(1)) -> FlushPhase? {
        var policy = DeliveryPolicy()
        policy.share = share
        policy.batchTime = batchTime
        return FlushPhase(policy: policy, start: Fixture.start.instant)
    }

    /// When a batch goes that begins `arrival` after the start.
    private static func wait(_ share: Double, arrival: Duration) throws -> Duration {
        let arrival = Fixture.start.instant + arrival
        return try #require(phase(share)).readyTime(arrival: arrival) - arrival
    }

    @Test func aBatchFillsForHalfOfItsTimeAndNeverLongerThanAllOfIt() throws {
        for share in stride(from: 0.0, to: 1, by: 0.03) {
            // Before the start, too: what a test or a clock makes possible.
            for arrival in stride(from: -2_000, to: 5_000, by: 37) {
                let wait = try Self.wait(share, arrival: .milliseconds(arrival))
                #expect(wait >= .milliseconds(500) && wait <= .seconds(1), "\(share) \(arrival) \(wait)")
            }
        }
    }

    @Test func nodesThatCollectInOneMomentReportApart() throws {
        var places = [Int](repeating: 0, count: 10)
        for node in 0..<1000 {
            let wait = try Self.wait(Double(node) / 1000, arrival: .milliseconds(4321))
            places[min(9, Int((wait - .milliseconds(500)) / .milliseconds(50)))] += 1
        }
        #expect(places.allSatisfy { (95...105).contains($0) }, "\(places)")
    }

    @Test func whatComesWithoutAPauseGoesOnceABatchTime() throws {
        let phase = try #require(Self.phase(0.37))
        var arrival = Fixture.start.instant
        for _ in 0..<5 {
            let ready = phase.readyTime(arrival: arrival)
            // The next line comes a moment after the batch went.
            let next = phase.readyTime(arrival: ready + .milliseconds(1))
            #expect(next - ready == .seconds(1))
            arrival = ready + .milliseconds(1)
        }
    }

    @Test func nothingIsSpreadWithoutAShareOrATimeToSpreadOver() {
        #expect(Self.phase(nil) == nil)
        #expect(Self.phase(0.5, batchTime: .zero) == nil)
        #expect(Self.phase(0.5, batchTime: .nanoseconds(1)) == nil)
    }

    @Test func aNodeHoldsItsFirstReportForItsShareOfTheSpread() throws {
        var fixture = Fixture {
            $0.share = 0.5
            $0.startSpread = .seconds(20)
        }
        fixture.add(.test(["a"]))
        #expect(fixture.send(at: .seconds(9)) == "wait until 10.0 seconds")
        #expect(try fixture.call(at: .seconds(10)) == ["a"])
        // Afterwards batches fill as usual.
        fixture.add(.test(["b"], first: 2), at: .seconds(11))
        #expect(fixture.send(at: .milliseconds(11_400)).hasPrefix("wait until 11."))
        #expect(try fixture.call(at: .seconds(12)) == ["b"])
    }

    @Test func whatTellsOfAHangDoesNotWaitForOtherNodes() throws {
        var fixture = Fixture {
            $0.share = 0.9
            $0.startSpread = .seconds(100)
        }
        fixture.add(.test(["log"]))
        fixture.add(.test(["incident"], type: .incident))
        fixture.add(.test(["stacks"], type: .stackTrace))
        #expect(try fixture.call(at: .seconds(1)) == ["incident"])
        #expect(try fixture.call(at: .seconds(1)) == ["stacks"])
        #expect(fixture.send(at: .seconds(1)).hasPrefix("wait until"))
    }

    @Test func theEndDoesNotWaitForTheSpread() throws {
        var fixture = Fixture {
            $0.share = 0.9
            $0.startSpread = .seconds(100)
        }
        fixture.add(.test(["a"]))
        #expect(fixture.send(at: .seconds(2)).hasPrefix("wait until"))
        fixture.state.finish()
        #expect(try fixture.call(at: .seconds(2)) == ["a"])
    }
}
