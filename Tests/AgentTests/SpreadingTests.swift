import Delivery
import Diagnosis
import MasterClients
import Testing

@testable import Agent

/// What the nodes of a job would do in one moment, each does at its own, the same at each start.
struct SpreadingTests {
    private static func shares(_ nodes: Int, job: String = "job", what: String = "a page") -> [Double] {
        (0..<nodes).map { NodeShare(of: NodeIdentity(id: $0, rank: $0), job: job, what: what).fraction }
    }

    @Test func nodesWhoseNumbersDifferLittleAreSpreadEvenly() {
        for (nodes, bounds) in [(1_000, 60...145), (10_000, 900...1_100)] {
            var places = [Int](repeating: 0, count: 10)
            for share in Self.shares(nodes) { places[Int(share * 10)] += 1 }
            #expect(places.allSatisfy { bounds.contains($0) }, "\(places)")
        }
    }

    @Test func aShareIsTheSameInEveryProcess() {
        // FNV-1a and MurmurHash3's end, computed in Python; a change of the hash moves the scrapes of all nodes when arobust is upgraded.
        let share = NodeShare(of: NodeIdentity(id: 7, type: "worker", rank: 3), job: "llama", what: "stacks")
        #expect(share.hash == Self.stored)
        #expect(Self.shares(50) == Self.shares(50))
    }

    @Test func jobsAndThingsHaveSharesOfTheirOwn() {
        let shares = Self.shares(200)
        for other in [Self.shares(200, job: "another"), Self.shares(200, what: "stacks")] {
            let near = zip(shares, other).filter { abs($0 - $1) < 0.05 }.count
            // By chance every tenth.
            #expect(near < 45)
        }
    }

    @Test func theFirstBeatIsFollowedAtTheNodesOwnMoment() {
        var generator = SystemRandomNumberGenerator()
        for number in UInt64(0)..<50 {
            let share = NodeShare(hash: number)
            var pace = BeatPace(interval: .seconds(2), share: share)
            #expect(pace.pause(afterSuccess: true, using: &generator) == .seconds(2) * share.fraction)
            for _ in 0..<3 { #expect(pace.pause(afterSuccess: true, using: &generator) == .seconds(2)) }
        }
    }

    @Test func nodesThatAreNotHeardComeBackApart() {
        var generator = SystemRandomNumberGenerator()
        var pace = BeatPace(interval: .seconds(2), share: NodeShare(hash: 1))
        let pauses = (0..<100).map { _ in pace.pause(afterSuccess: false, using: &generator) }
        #expect(pauses.allSatisfy { $0 >= .seconds(1) && $0 <= .seconds(3) })
        #expect(Set(pauses).count > 90)
        // Once it is heard, it has its interval again.
        #expect(pace.pause(afterSuccess: true, using: &generator) == .seconds(2))
    }

    @Test func eachMasterGetsTheShareOfTheNode() throws {
        let url = try MasterURL("dlrover+grpc://a:1")
        let shares = (0..<5).map {
            MasterSettings(url: url, values: SettingValues(), node: NodeIdentity(id: $0, rank: $0)).policy.share
        }
        #expect(Set(shares).count == 5)
        #expect(MasterSettings(url: url, values: SettingValues()).policy.startSpread == .zero)
    }

    private static let stored: UInt64 = 0x1482_AAF8_496C_61BF
}
