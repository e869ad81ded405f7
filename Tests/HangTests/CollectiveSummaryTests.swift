import Foundation
@testable import Hang
import TestSupport
import Testing

/// Summaries of nodes meet in any order, in any grouping, some of them twice: what comes out is the same.
@Suite struct CollectiveSummaryTests {
    @Test(arguments: 0..<60)
    func mergingIsAssociativeCommutativeAndIdempotent(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        let parts = (0..<Int.random(in: 2...6, using: &generator)).map { _ in random(&generator) }
        let forwards = parts.reduce(into: HangEvidence()) { $0.merge($1) }
        var backwards = HangEvidence()
        for part in parts.shuffled(using: &generator) {
            backwards.merge(part)
            if Bool.random(using: &generator) { backwards.merge(part) }
        }
        var pairs = HangEvidence()
        let middle = parts.count / 2
        for half in [parts[middle...], parts[..<middle]] {
            pairs.merge(half.reduce(into: HangEvidence()) { $0.merge($1) })
        }
        #expect(forwards == backwards)
        #expect(forwards == pairs)
        var twice = forwards
        twice.merge(forwards)
        #expect(forwards == twice)
        #expect(HangAnswer(forwards).json == HangAnswer(backwards).json)
    }

    @Test func aSummaryTravelsAsJSON() throws {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<20 {
            let evidence = random(&generator)
            let json = try JSONEncoder().encode(evidence)
            #expect(try JSONDecoder().decode(HangEvidence.self, from: json) == evidence)
        }
    }

    @Test func ofARankTheFurthestCounts() {
        var (early, late) = (Recording(), Recording())
        for sequence in 1...3 { early.collective(sequence, isDone: sequence < 3) }
        for sequence in 1...5 { late.collective(sequence, isDone: true) }
        var merged = CollectiveSummary(early.dump, rank: 0)
        merged.merge(CollectiveSummary(late.dump, rank: 0))
        #expect(merged.groups[0].positions.map(\.enqueued) == [5])
        #expect(merged.groups[0].operations.filter { !$0.open.isEmpty }.isEmpty)
    }

    private func random(_ generator: inout SeededGenerator) -> HangEvidence {
        var reader = EvidenceReader()
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let rank = Int.random(in: 0..<6, using: &generator)
            var recording = Recording()
            for group in 0..<Int.random(in: 1...3, using: &generator) {
                let end = Int.random(in: 1...12, using: &generator)
                for sequence in 1...end {
                    recording.collective(
                        sequence, ["all_reduce", "broadcast"].randomElement(using: &generator) ?? "",
                        group: (group, "\(group)", "g\(group)"),
                        isDone: sequence + Int.random(in: 0...2, using: &generator) < end)
                }
                if Bool.random(using: &generator) {
                    recording.transfer("send 0->\(rank)", end, group: (group, "\(group)", "g\(group)"))
                }
            }
            var evidence = HangEvidence()
            evidence.collectives = CollectiveSummary(recording.dump, rank: rank)
            reader.add(evidence)
            var stacks = RankStacks(
                rank: rank, pid: Int32(rank + 100), time: Int64.random(in: 1...5, using: &generator),
                state: ["S", "D", "R"].randomElement(using: &generator) ?? "", source: "py-spy")
            let line = Int.random(in: 1...3, using: &generator)
            stacks.threads = [
                ThreadStack(
                    name: "MainThread", isMain: true, frames: [StackFrame(function: "f", file: "a.py", line: line)])
            ]
            reader.add([stacks], node: "\(rank / 2)")
            reader.note("note \(Int.random(in: 0...3, using: &generator))")
        }
        return reader.evidence
    }
}
