import NIOCore
import Testing

@testable import MasterClients

@Suite struct GRPCLivenessTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private static func at(_ seconds: Int64) -> NIODeadline { start + .seconds(seconds) }

    /// Calls may take 10 s, so 5 s of silence are too many, and a ping may take 10 s.
    private func liveness() -> GRPCLiveness {
        var liveness = GRPCLiveness(timeout: .seconds(10))
        liveness.hear(Self.start)
        liveness.hearAnswer(Self.start)
        return liveness
    }

    @Test func `a ping after half a deadline of silence, and the end when it is not answered`() {
        var liveness = liveness()
        liveness.beginWaiting(Self.at(100))
        #expect(liveness.look(Self.at(100), isAwaited: true) == .look(at: Self.at(105)))
        #expect(liveness.look(Self.at(105), isAwaited: true) == .ping(lookAt: Self.at(115)))
        // The call is over, but the ping still counts.
        #expect(liveness.look(Self.at(110), isAwaited: false) == .look(at: Self.at(115)))
        #expect(liveness.look(Self.at(115), isAwaited: false) == .close)
    }

    @Test func `whatever comes shows that the server is there`() {
        var liveness = liveness()
        liveness.beginWaiting(Self.at(100))
        #expect(liveness.look(Self.at(105), isAwaited: true) == .ping(lookAt: Self.at(115)))
        liveness.hear(Self.at(106))
        #expect(liveness.look(Self.at(110), isAwaited: true) == .look(at: Self.at(111)))
        #expect(liveness.look(Self.at(115), isAwaited: false) == .rest)
    }

    @Test func `without calls nothing is sent`() {
        var liveness = liveness()
        #expect(liveness.look(Self.at(10_000), isAwaited: false) == .rest)
        liveness.beginWaiting(Self.at(10_000))
        #expect(liveness.look(Self.at(10_001), isAwaited: true) == .look(at: Self.at(10_005)))
    }

    @Test func `calls that are shorter than the silence add up`() {
        var liveness = liveness()
        liveness.beginWaiting(Self.at(100))
        #expect(liveness.missDeadline(Self.at(101)) == .look(at: Self.at(105)))
        liveness.beginWaiting(Self.at(104))
        #expect(liveness.missDeadline(Self.at(105)) == .ping(lookAt: Self.at(115)))
        #expect(liveness.missDeadline(Self.at(106)) == .look(at: Self.at(115)))
        #expect(liveness.look(Self.at(115), isAwaited: false) == .close)
    }

    @Test func `a server that answers pings alone gets two, and no new calls after a minute`() {
        var liveness = liveness()
        liveness.beginWaiting(Self.at(0))
        var (pings, drainedAt): (Int, Int64?) = (0, nil)
        for second in Int64(1)...200 where drainedAt == nil {
            // Something comes, but no answer.
            if second % 7 == 0 { liveness.hear(Self.at(second)) }
            let step =
                second % 10 == 0
                ? liveness.missDeadline(Self.at(second)) : liveness.look(Self.at(second), isAwaited: true)
            switch step {
            case .ping:
                pings += 1
                liveness.hear(Self.at(second))
            case .drain: drainedAt = second
            default: break
            }
        }
        #expect(pings == 2)
        #expect(drainedAt == 60)
    }

    @Test func `a long call on a connection that is alive is let be`() {
        var liveness = liveness()
        liveness.beginWaiting(Self.at(0))
        var pings = 0
        for second in Int64(1)...3600 {
            switch liveness.look(Self.at(second), isAwaited: true) {
            case .ping:
                pings += 1
                liveness.hear(Self.at(second))
            case .close, .drain: Issue.record("ended after \(second) s")
            default: break
            }
        }
        #expect(pings == 2)
    }

    @Test func `a server that was pinged enough and then falls silent gets no new calls`() {
        var liveness = liveness()
        liveness.beginWaiting(Self.at(0))
        for second in [Int64(5), 10] {
            #expect(liveness.look(Self.at(second), isAwaited: true) == .ping(lookAt: Self.at(second + 10)))
            liveness.hear(Self.at(second))
        }
        #expect(liveness.missDeadline(Self.at(15)) == .look(at: Self.at(25)))
        #expect(liveness.look(Self.at(25), isAwaited: true) == .drain)
    }

    @Test func `answers allow pings again`() {
        var liveness = liveness()
        for call in Int64(0)..<10 {
            liveness.beginWaiting(Self.at(call * 20))
            #expect(liveness.look(Self.at(call * 20 + 5), isAwaited: true) == .ping(lookAt: Self.at(call * 20 + 15)))
            liveness.hear(Self.at(call * 20 + 9))
            liveness.hearAnswer(Self.at(call * 20 + 9))
        }
    }

    @Test(arguments: [(Int64(10), Int64(5), Int64(10)), (1, 0, 1), (86400, 10, 20)])
    func `the times follow the deadline, within bounds`(timeout: Int64, quiet: Int64, ping: Int64) {
        let liveness = GRPCLiveness(timeout: .seconds(timeout))
        #expect(liveness.quiet.nanoseconds / 1_000_000_000 == quiet)
        #expect(liveness.pingTimeout == .seconds(ping))
    }

    @Test func `addresses that were silent are tried last, the latest of them at the end`() throws {
        let addresses = try (1...4).map { try SocketAddress(ipAddress: "10.0.0.\($0)", port: 80) }
        var silent = SilentAddresses()
        #expect(silent.groups(of: addresses, now: Self.at(0)) == [addresses])
        silent.add(addresses[2], now: Self.at(1))
        silent.add(addresses[0], now: Self.at(2))
        #expect(
            silent.groups(of: addresses, now: Self.at(3)) == [
                [addresses[1], addresses[3]], [addresses[2]], [addresses[0]],
            ])
        silent.add(addresses[2], now: Self.at(4))
        #expect(silent.groups(of: [addresses[0], addresses[2]], now: Self.at(5)) == [[addresses[0]], [addresses[2]]])
        #expect(
            silent.groups(of: addresses, now: Self.at(63)) == [
                [addresses[0], addresses[1], addresses[3]], [addresses[2]],
            ])
        #expect(silent.groups(of: addresses, now: Self.at(65)) == [addresses])
        #expect(silent.groups(of: [], now: Self.at(5)) == [])
    }
}
