@testable import Collectors
import Hang
import Testing

@Suite struct RankWatchTests {
    private let first = RankProcess(pid: 10, startTime: 1, rank: 0, localRank: 0)
    private let second = RankProcess(pid: 11, startTime: 1, rank: 1, localRank: 1)

    @Test(
        arguments: [("D", 30, "uninterruptible"), ("T", 10, "stopped (T)"), ("t", 60, "debugger"), ("X", 15, "gone")]
            as [(Character, Int64, String)])
    func tellsOnceOfWhatLasts(_ state: Character, _ patience: Int64, _ text: String) {
        var signs = RankWatch.RankSigns()
        #expect(signs.take([(first, "S"), (second, state)], at: 100).isEmpty)
        #expect(signs.take([(first, "S"), (second, state)], at: 100 + patience - 1).isEmpty)
        let told = signs.take([(first, "S"), (second, state)], at: 100 + patience)
        #expect(told.map(\.rank) == [1])
        #expect(told.first?.text.contains(text) == true)
        #expect(signs.take([(first, "S"), (second, state)], at: 100 + 10 * patience).isEmpty)
    }

    @Test func aStateThatPassesIsNone() {
        var signs = RankWatch.RankSigns()
        for time: Int64 in 0..<100 {
            #expect(signs.take([(first, "S"), (second, time % 20 == 0 ? "S" : "D")], at: time).isEmpty)
        }
    }

    @Test func aTrainingThatEndsIsNone() {
        var signs = RankWatch.RankSigns()
        for time: Int64 in 0..<100 {
            #expect(signs.take([(first, "X"), (second, time < 5 ? "Z" : "X")], at: time).isEmpty)
        }
    }
}
