@testable import Hang
import TestSupport
import Testing

@Suite struct RankSetTests {
    @Test func isTheSameAsASetWhateverTheOrder() {
        var generator = SeededGenerator(seed: 17)
        for _ in 0..<500 {
            let (first, second) = (ranks(&generator), ranks(&generator))
            let (left, right) = (RankSet(first), RankSet(second))
            #expect(Set(left.union(right)) == Set(first).union(second))
            #expect(Set(left.subtracting(right)) == Set(first).subtracting(second))
            #expect(Set(left.intersection(right)) == Set(first).intersection(second))
            #expect(left.count == Set(first).count)
            #expect(RankSet(left.description) == left)
            #expect(left.union(right) == right.union(left))
        }
    }

    @Test func readsAndWritesRanges() {
        #expect(RankSet([7, 0, 1, 2, 6, 5]).description == "0-2/5-7")
        #expect(RankSet("0-2,5-7")?.count == 6)
        #expect(RankSet([3]).title == "rank 3")
        for wrong in ["x", "3-1", "-1", "1-2-3", "0-9999999999", "1--2"] { #expect(RankSet(wrong) == nil, "\(wrong)") }
    }

    private func ranks(_ generator: inout SeededGenerator) -> [Int] {
        (0..<Int.random(in: 0...12, using: &generator)).map { _ in Int.random(in: 0...20, using: &generator) }
    }
}
