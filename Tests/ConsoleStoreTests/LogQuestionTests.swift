import ConsoleTestSupport
import Diagnosis
import SQLite
import SystemSupport
import TestSupport
import Testing

@testable import ConsoleStore

@Suite(.timeLimit(.minutes(3))) struct LogQuestionTests {
    private let scratch = ScratchFolder()

    private func store() throws -> ConsoleStore { try ConsoleStore(directory: scratch.file("store")) }

    @Test func eachLineComesOnceInTheOrderOfTimes() async throws {
        let store = try store()
        let now = WallClock.seconds()
        for node in 0..<3 {
            for number in 0..<6 {
                // Several nodes at the same second, and one that reports late.
                let batch = Batches.batch(
                    from: UInt64(number + 1),
                    [(0..<5).map { "node \(node) line \(number).\($0)" }.joined(separator: "\n")],
                    nodeRank: node, publisher: PublisherID(high: 3, low: UInt64(node)),
                    origin: Batches.origin("/log/\(node)", localRank: node % 2),
                    time: now - 100 + Int64(number) - Int64(node))
                _ = await store.take([batch], from: .arobust)
            }
        }
        let lines = try await store.all(LogQuestion())
        #expect(lines.count == 90 && Set(lines.map(\.text)).count == 90)
        #expect(zip(lines, lines.dropFirst()).allSatisfy { ($0.time, $0.id) < ($1.time, $1.id) })
        var question = LogQuestion()
        question.descending = true
        #expect(try await store.all(question).map(\.id) == lines.map(\.id).reversed())
        for (nodes, ranks) in [([1], []), ([0, 2], []), ([], [0]), ([1, 2], [1])] as [([Int], [Int])] {
            (question.nodeRanks, question.ranks, question.descending) = (nodes, ranks, false)
            let expected = lines.filter {
                (nodes.isEmpty || nodes.contains($0.nodeRank)) && (ranks.isEmpty || ranks.contains($0.rank ?? -1))
            }
            #expect(try await store.all(question) == expected)
        }
        question = LogQuestion()
        (question.since, question.until) = (Double(now - 98), Double(now - 97))
        #expect(
            try await store.all(question) == lines.filter { (Double(now - 98)...Double(now - 97)).contains($0.time) })
        question = LogQuestion()
        question.newer = lines.map(\.id).max().map { $0 - 10 }
        let newer = try await store.logs(question)
        #expect(newer.lines.count == 10 && newer.lastID == lines.map(\.id).max())
        question = LogQuestion()
        question.after = "x"
        await #expect(throws: ConsoleStoreError.self) { try await store.logs(question) }
        let middle = try #require(try await store.line(lines[45].id, context: 3))
        let own = lines.filter { $0.nodeRank == lines[45].nodeRank }
        let place = try #require(own.firstIndex(of: lines[45]))
        #expect(middle.before == Array(own[max(0, place - 3)..<place]))
        #expect(middle.after == Array(own[(place + 1)...].prefix(3)))
        #expect(try await store.line(1_000_000, context: 3) == nil)
        await store.close()
    }

    @Test func wordsAreFoundByTheirBeginnings() async throws {
        let store = try store()
        let lines = [
            "torch.cuda.OutOfMemoryError: CUDA out of memory", "memory of the out tray", "\u{1B}[31mred\u{1B}[0m alert",
            "<script>alert(1)</script>", "Größe ÜBER alles", "100% \"quoted\" AND NOT * ( )", "plain", "",
            "\u{1B}]8;;x", "a\u{0}b", "名前 日本",
        ]
        _ = await store.take([Batches.batch([lines.joined(separator: "\n")])], from: .arobust)
        func found(_ query: String) async throws -> [Int] {
            var question = LogQuestion()
            question.query = query
            return try await store.all(question).map { Int($0.id) - 1 }
        }
        #expect(try await found("memory out") == [0, 1])
        #expect(try await found("\"out of memory\"") == [0])
        #expect(try await found("MEM") == [0, 1])
        #expect(try await found("emory") == [])
        #expect(try await found("red alert") == [2])
        #expect(try await found("31mred") == [])
        #expect(try await found("script alert(1)") == [3])
        #expect(try await found("größe über") == [4])
        #expect(try await found("\"quoted\" and") == [5])
        #expect(try await found("p") == [6])
        #expect(try await found("日本") == [10])
        #expect(try await found("NOT *") == [5])
        #expect(try await store.all(LogQuestion()).map(\.text) == lines)
        await store.close()
    }

    /// Very many hits are found by a walk, few by the index: both must say the same.
    @Test func frequentWordsAndRareOnesAgree() async throws {
        let store = try store()
        for number in 0..<25 {
            let lines = (0..<1000).map { "step \(number * 1000 + $0) loss" }.joined(separator: "\n")
            _ = await store.take([Batches.batch(from: UInt64(number + 1), [lines])], from: .arobust)
        }
        var question = LogQuestion()
        question.query = "step loss"
        question.limit = 5000
        #expect(try await store.all(question, limit: 5000).count == 25_000)
        question.query = "step 24999"
        #expect(try await store.all(question).map(\.text) == ["step 24999 loss"])
        question.query = "step nothing"
        #expect(try await store.all(question).isEmpty)
        await store.close()
    }

    @Test func noQuestionReadsAllLines() async throws {
        let store = try store()
        let filter = StoreReader.LogFilter(streams: nil, words: SearchWords(""), marked: false, since: 5, until: 9)
        var marked = filter
        marked.marked = true
        let cursor = StoreReader.LogCursor(time: 6, id: 3)
        let queries =
            StoreReader.queries(nil, filter, nil, false) + StoreReader.queries(nil, filter, cursor, true)
            + StoreReader.queries(4, filter, cursor, false) + StoreReader.queries(nil, marked, cursor, true)
        let plans = try await store.ask { reader in
            try queries.map { sql in
                try reader.database.rows("EXPLAIN QUERY PLAN " + sql).compactMap { $0.text(3) }.joined(separator: "; ")
            }
        }
        #expect(plans.count == 7)
        for plan in plans { #expect(plan.contains("SEARCH line USING INDEX") && !plan.contains("SCAN"), "\(plan)") }
        for plan in plans { #expect(!plan.contains("TEMP B-TREE"), "\(plan)") }
        await store.close()
    }

    @Test func aLongLineIsCutOnAPageAndWholeAlone() async throws {
        let store = try store()
        let long = String(repeating: "ä", count: 40_000) + " end"
        _ = await store.take([Batches.batch([long])], from: .arobust)
        let line = try #require(try await store.all(LogQuestion()).first)
        #expect(line.truncated && line.text == String(repeating: "ä", count: 2048))
        #expect(try await store.line(line.id, context: 0)?.line.text == long)
        await store.close()
    }
}
