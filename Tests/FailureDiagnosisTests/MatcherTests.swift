import Diagnosis
import FailureDiagnosis
import TestSupport
import Testing

@Suite struct MatcherTests {
    private func table(_ rules: String...) throws -> RuleTable {
        let lines = rules.enumerated().map { index, rule in
            "  - {id: r\(index), title: t, domain: gpu, role: cascade, action: event, \(rule)}"
        }
        return try RuleTable(yaml: "rules:\n" + lines.joined(separator: "\n"), name: "t")
    }

    private func lines(_ text: String, _ matcher: RuleMatcher) -> [String] {
        let bytes = Array(text.utf8)
        return matcher.hits(in: text).map {
            "\(matcher.table.rules[$0.rule].id) \(String(decoding: bytes[$0.line], as: UTF8.self))"
        }
    }

    @Test func allTextsMustStandAndNoneThatIsExcluded() throws {
        let matcher = RuleMatcher(
            try table(
                "all: [alpha, omega]", "any: [needle, thread]", "any: [needle], exclude: [hay]",
                "all: [a4], regex: 'a4+$'"))
        let text = "omega alpha\nalpha\na needle\rthread\r\nhay needle\n a44\na4b"
        #expect(
            lines(text, matcher) == [
                "r0 omega alpha", "r1 a needle", "r2 a needle", "r1 thread", "r1 hay needle", "r3  a44",
            ])
    }

    @Test func caseCountsUnlessTheRuleSaysOtherwise() throws {
        let matcher = RuleMatcher(try table("any: [Needle]", "any: [Thread], ignore-case: true, regex: 'THREAD$'"))
        #expect(lines("needle\nNeedle\ntHREAD\nthread!", matcher) == ["r0 Needle", "r1 tHREAD"])
    }

    /// Against a plain search, on random bytes of few letters: nothing is missed, whatever the lengths of the texts and their places.
    @Test(arguments: 1...40) func nothingIsMissed(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let letters = Array("ab\n".utf8)
        let shortest = Int(seed % 12) + 1
        var texts: Set<String> = []
        while texts.count < 6 {
            let length = Int.random(in: shortest...(shortest + 6), using: &random)
            texts.insert(
                String(
                    decoding: (0..<length).map { _ in letters[Int.random(in: 0..<2, using: &random)] }, as: UTF8.self))
            if shortest < 3, texts.count >= 2 { break }
        }
        let ordered = texts.sorted()
        var table = RuleTable()
        for (index, text) in ordered.enumerated() {
            var rule = Rule(id: "r\(index)", title: "t", domain: .gpu, role: .cascade, action: .event)
            rule.all = [text]
            table.add(rule)
        }
        let matcher = RuleMatcher(table)
        for _ in 0..<20 {
            let count = Int.random(in: 0...200, using: &random)
            let text = String(
                decoding: (0..<count).map { _ in letters[Int.random(in: 0..<20, using: &random) % 19 / 9] },
                as: UTF8.self)
            let expected = text.split(separator: "\n").flatMap { line in
                ordered.indices.filter { line.contains(ordered[$0]) }.map { "r\($0) \(line)" }
            }
            #expect(lines(text, matcher) == expected)
        }
    }

    @Test func ofALongLineThePartAroundATextIsTaken() throws {
        let matcher = RuleMatcher(try table("any: [needle]"))
        let text = String(repeating: "x", count: 100_000) + "needle" + String(repeating: "y", count: 100_000)
        let hit = try #require(matcher.hits(in: text).first)
        #expect(hit.line.count == RuleMatcher.longestLine)
        #expect(hit.line.contains(100_000))
    }

    @Test func explanationSaysWhyNot() {
        let matcher = RuleMatcher(.builtIn)
        let near = matcher.explain("NVRM: Xid (PCI:0018:01:00): 149, Nonfatal XC0")
        #expect(near.hits == ["nvidia.xid.nvlink5-nonfatal"])
        let verdict = near.verdicts.first { $0.ruleID == "nvidia.xid.149" }
        #expect(verdict?.reason == "the line has 'Nonfatal', which the rule excludes")
        #expect(near.verdicts.first { $0.ruleID == "nvidia.xid.79" }?.reason == "the line lacks '): 79,'")
        let own = matcher.explain("arobust alarm: CUDA out of memory")
        #expect(own.exclusion == "arobust alarm")
        #expect(own.hits == [])
        #expect(own.verdicts.map(\.ruleID) == ["cuda.out-of-memory"])
        let mismatch = matcher.explain("    raise ValueError: no")
        #expect(mismatch.verdicts.first?.reason == "the regular expression doesn't match")
    }
}
