import Synchronization
import Testing
import WebServing

struct ConnectionCounterTests {
    @Test func allClientsTogetherAreLimited() throws {
        var limits = WebLimits()
        (limits.connections, limits.connectionsOfAClient) = (4, 2)
        let counter = ConnectionCounter()
        let places = (0..<3).map { _ in counter.enter("a", limits: limits) }
        #expect(places.map { $0 != nil } == [true, true, false])
        #expect((0..<3).map { _ in counter.enter("b", limits: limits) != nil } == [true, true, false])
        #expect(counter.enter("c", limits: limits) == nil)
        counter.leave(try #require(places[0]))
        counter.leave(try #require(places[0]))
        #expect(counter.enter("c", limits: limits) != nil)
        #expect(counter.now == (open: 4, refused: 3, replaced: 0))
    }

    @Test func whoAsksTakesThePlaceOfWhoWaitsLongest() throws {
        var limits = WebLimits()
        (limits.connections, limits.connectionsOfAClient, limits.replacesWaiting) = (3, 3, true)
        let counter = ConnectionCounter()
        let closed = Mutex<[Int]>([])
        func enter(_ number: Int) throws -> ConnectionCounter.Place {
            try #require(counter.enter("", limits: limits) { closed.withLock { $0.append(number) } })
        }
        let places = try (0..<3).map(enter)
        counter.asks(places[0])
        _ = try enter(3)
        // The first one is being answered; the second has waited longest.
        #expect(closed.withLock { $0 } == [1])
        counter.waits(places[0])
        _ = try enter(4)
        #expect(closed.withLock { $0 } == [1, 2])
        // What was closed for another one is not counted down a second time.
        counter.leave(places[1])
        #expect(counter.now == (open: 3, refused: 0, replaced: 2))
    }

    @Test func whereAllAreBeingAnsweredTheNextIsRefused() throws {
        var limits = WebLimits()
        (limits.connections, limits.replacesWaiting) = (1, true)
        let counter = ConnectionCounter()
        counter.asks(try #require(counter.enter("", limits: limits)))
        #expect(counter.enter("", limits: limits) == nil)
        #expect(counter.now == (open: 1, refused: 1, replaced: 0))
    }
}
