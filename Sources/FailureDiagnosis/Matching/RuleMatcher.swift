/// Finds the lines that a table's rules match.
///
/// All rules' texts are searched for in one pass; a line is looked at more closely, and a regular expression tried, only where one of
/// them stands in it. Of what a line hits, general rules (weak root causes) count only if nothing else does, and then the first of them.
public struct RuleMatcher: Sendable {
    /// Of a longer line only the part around a found text is looked at, in bytes.
    public static let longestLine = 8192

    /// The table that the hits' `rule` indexes.
    public let table: RuleTable
    private let scanner: TermScanner
    private let rulesOfTerm: [[Int]]
    private let rules: [CompiledRule]
    private let exclusions: [[UInt8]]

    public init(_ table: RuleTable) {
        self.table = table
        rules = table.rules.map(CompiledRule.init)
        exclusions = table.exclusions.map { Array($0.utf8) }
        var terms: [TermScanner.Term: Int] = [:]
        var ordered: [TermScanner.Term] = []
        var rulesOfTerm: [[Int]] = []
        for (index, rule) in table.rules.enumerated() {
            for anchor in rule.anchors {
                let term = TermScanner.Term(bytes: Array(anchor.utf8), ignoresCase: rule.ignoresCase)
                if let known = terms[term] {
                    rulesOfTerm[known].append(index)
                } else {
                    terms[term] = ordered.count
                    ordered.append(term)
                    rulesOfTerm.append([index])
                }
            }
        }
        scanner = TermScanner(ordered)
        self.rulesOfTerm = rulesOfTerm
    }

    /// How many bytes apart the search looks; it grows with the shortest text of all rules.
    public var stride: Int { scanner.stride }

    /// The texts of the one pass.
    public var searchedTexts: [String] { scanner.terms.map { String(decoding: $0.bytes, as: UTF8.self) } }

    /// The hits in a text of whole lines, in the lines' order; their places are counted from the slice's start.
    public func hits(in bytes: ArraySlice<UInt8>) -> [RuleHit] {
        bytes.withUnsafeBytes { hits(in: $0) }
    }

    /// The hits in a text of whole lines, in the lines' order.
    public func hits(in text: String) -> [RuleHit] {
        hits(in: Array(text.utf8)[...])
    }

    func hits(in bytes: UnsafeRawBufferPointer) -> [RuleHit] {
        var hits: [RuleHit] = []
        var lines: [Range<Int>] = []
        scanner.scan(bytes) { _, position in
            let line = LineBounds.line(in: bytes, around: position, limit: Self.longestLine)
            lines.append(line)
            return max(line.upperBound, position + 1)
        }
        // Short texts are searched after the others, so their lines come out of order and may come twice.
        for line in LineBounds.inOrder(lines) { appendHits(of: line, in: bytes, to: &hits) }
        return hits
    }

    /// What each rule with a text in the line makes of it.
    public func explain(_ line: String) -> LineExplanation {
        var line = line
        return line.withUTF8 { utf8 in
            let bytes = UnsafeRawBufferPointer(utf8)
            let exclusion = generalExclusion(in: bytes)
            let verdicts = candidates(in: bytes).map { index in
                LineExplanation.Verdict(ruleID: table.rules[index].id, miss: rules[index].miss(bytes))
            }
            return LineExplanation(
                exclusion: exclusion, verdicts: verdicts,
                hits: exclusion == nil ? decisive(candidates(in: bytes), bytes).map { table.rules[$0].id } : [])
        }
    }

    private func appendHits(of line: Range<Int>, in bytes: UnsafeRawBufferPointer, to hits: inout [RuleHit]) {
        let text = UnsafeRawBufferPointer(rebasing: bytes[line])
        guard generalExclusion(in: text) == nil else { return }
        for rule in decisive(candidates(in: text), text) { hits.append(RuleHit(rule: rule, line: line)) }
    }

    private func generalExclusion(in line: UnsafeRawBufferPointer) -> String? {
        exclusions.first { ByteText.find($0, in: line, ignoresCase: false) != nil }
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// The rules one of whose anchors stands in the line, in the table's order.
    private func candidates(in line: UnsafeRawBufferPointer) -> [Int] {
        var found: [Int] = []
        scanner.scan(line) { term, _ in
            if found.isEmpty {
                found = rulesOfTerm[term]
            } else {
                for rule in rulesOfTerm[term] where !found.contains(rule) { found.append(rule) }
            }
            return nil
        }
        found.sort()
        return found
    }

    /// Those of the candidates that the line hits; of general ones the first, and only if there are no others.
    private func decisive(_ candidates: [Int], _ line: UnsafeRawBufferPointer) -> [Int] {
        let hits = candidates.filter { rules[$0].miss(line) == nil }
        let special = hits.filter { !rules[$0].isWeakRoot }
        return special.isEmpty ? Array(hits.prefix(1)) : special
    }
}
