import Inspection
@testable import Monitoring
import Synchronization
import TestSupport
import Testing

struct StateBoardTests {
    @Test func manyWhoAskShareOneSearch() async {
        let searches = Atomic<Int>(0)
        let board = StateBoard {
            searches.add(1, ordering: .relaxed)
            return NodeState(obstacles: ["one"])
        }
        await withTaskGroup { group in
            group.addTask { await board.run() }
            await withTaskGroup { askers in
                for _ in 0..<50 {
                    askers.addTask { await board.current(patience: .seconds(60))?.obstacles ?? [] }
                }
                for await obstacles in askers { #expect(obstacles == ["one"]) }
            }
            group.cancelAll()
        }
        #expect(searches.load(ordering: .relaxed) < 50)
    }

    @Test func aSearchThatHangsIsGivenUpAndShows() async {
        let (gate, open) = AsyncStream<Void>.makeStream()
        let board = StateBoard {
            for await _ in gate { break }
            return NodeState()
        }
        await withTaskGroup { group in
            group.addTask { await board.run() }
            #expect(await board.current(patience: .milliseconds(50)) == nil)
            #expect(board.searchTime ?? .zero > .zero)
            open.finish()
            #expect(await board.current(patience: .seconds(60)) != nil)
            #expect(board.searchTime == nil)
            group.cancelAll()
        }
    }

    @Test func withoutAnybodyWhoSearchesTheAnswerStillComes() async {
        let board = StateBoard { NodeState() }
        #expect(await board.current(patience: .milliseconds(20)) == nil)
    }
}
