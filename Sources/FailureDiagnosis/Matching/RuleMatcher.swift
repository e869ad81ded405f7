private import Diagnosis
private import Glibc

/// Finds the lines that a table's rules match.
///
/// One pass searches for the texts of all rules; only a line that contains one is examined more closely and tried with regular expressions.
/// If several rules match a line, general ones (weak root causes) count only if no other does, and then only the first of them.
package struct RuleMatcher: Sendable {
    /// In bytes; only the part around the found text is examined of a longer line.
    package static let longestLine = 8192

    /// The table that the hits' `rule` indexes.
    package let table: RuleTable
    private let scanner: TermScanner
    private let rulesOfTerm: [[Int]]
    private let rules: [CompiledRule]
    private let exclusions: [[UInt8]]

    package init(_ table: RuleTable) {
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

    /// How many bytes apart the search looks; the longer the rules' shortest text, the more.
    package var stride: Int { scanner.stride }

    /// The texts that the pass searches for.
    package var searchedTexts: [String] { scanner.terms.map { String(decoding: $0.bytes, as: UTF8.self) } }

    /// The hits in a text of whole lines, in the order of the lines; their positions count from the slice's start.
    package func hits(in bytes: ArraySlice<UInt8>) -> [RuleHit] {
        bytes.withUnsafeBytes { hits(in: $0) }
    }

    /// The hits in a text of whole lines, in the order of the lines.
    package func hits(in text: String) -> [RuleHit] {
        hits(in: Array(text.utf8)[...])
    }

    /// The hits in whole lines, in the order of the lines.
    package func hits(in bytes: UnsafeRawBufferPointer) -> [RuleHit] {
        var hits: [RuleHit] = []
        var lines: [Range<Int>] = []
        scanner.scan(bytes) { _, position in
            let line = LineBounds.line(in: bytes, around: position, limit: Self.longestLine)
            lines.append(line)
            return max(line.upperBound, position + 1)
        }
        appendColouredLines(of: bytes, to: &lines)
        // Short texts are searched for after the others, so their lines come out of order and may come twice.
        for line in LineBounds.inOrder(lines) { appendHits(of: line, in: bytes, to: &hits) }
        return hits
    }

    /// Where in a line the text is by which a rule matches it, in bytes: the longest of the rule's texts, or the line of a traceback in a
    /// structured line's field. 0 if that isn't known.
    func position(of rule: Int, in line: [UInt8]) -> Int {
        line.withUnsafeBytes { line in
            if rules[rule].miss(line) == nil { return longestText(of: rule, in: line) ?? 0 }
            var end = line.count
            while end > 0 {
                var start = end
                while start > 0, !(line[start - 1] == UInt8(ascii: "n") && start > 1 && line[start - 2] == 0x5C) {
                    start -= 1
                }
                let piece = UnsafeRawBufferPointer(rebasing: line[start..<end])
                if longestText(of: rule, in: piece) != nil, rules[rule].miss(piece) == nil { return start }
                end = start - 2
            }
            return longestText(of: rule, in: line) ?? 0
        }
    }

    private func longestText(of rule: Int, in line: UnsafeRawBufferPointer) -> Int? {
        let texts = (table.rules[rule].all + table.rules[rule].any).sorted { $0.utf8.count > $1.utf8.count }
        let ignoresCase = table.rules[rule].ignoresCase
        return texts.lazy.compactMap { ByteText.find(Array($0.utf8), in: line, ignoresCase: ignoresCase) }.first
    }

    /// What each rule with a text in the line makes of that line.
    package func explain(_ line: String) -> LineExplanation {
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
        var rules = decisive(candidates(in: text), text)
        if rules.isEmpty { rules = programRules(in: text) }
        for rule in rules { hits.append(RuleHit(rule: rule, line: line)) }
    }

    /// The rules that match the line only without a container's envelope, colours, and launchers' prefixes.
    private func programRules(in line: UnsafeRawBufferPointer) -> [Int] {
        for program in ProgramText.pieces(of: line) {
            let rules = program.withUnsafeBytes { text in
                generalExclusion(in: text) == nil ? decisive(candidates(in: text), text) : []
            }
            if !rules.isEmpty { return rules }
        }
        return []
    }

    /// Escape sequences may split the texts that the pass searches for, so lines with one are examined in any case.
    private func appendColouredLines(of bytes: UnsafeRawBufferPointer, to lines: inout [Range<Int>]) {
        guard let base = bytes.baseAddress else { return }
        var start = 0
        while start < bytes.count, let found = memchr(base + start, 0x1B, bytes.count - start) {
            let position = UnsafeRawPointer(found) - base
            let line = LineBounds.line(in: bytes, around: position, limit: Self.longestLine)
            lines.append(line)
            start = max(line.upperBound, position + 1)
        }
    }

    private func generalExclusion(in line: UnsafeRawBufferPointer) -> String? {
        exclusions.first { ByteText.find($0, in: line, ignoresCase: false) != nil }
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// The rules with an anchor in the line, in the table's order.
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

    /// The candidates that match the line; of general ones only the first, and only if there are no others.
    private func decisive(_ candidates: [Int], _ line: UnsafeRawBufferPointer) -> [Int] {
        let hits = candidates.filter { rules[$0].miss(line) == nil }
        let special = hits.filter { !rules[$0].isWeakRoot }
        return special.isEmpty ? Array(hits.prefix(1)) : special
    }
}

/// A rule, prepared for comparing lines with it.
struct CompiledRule: Sendable {
    /// Without the rule's only anchor, which every examined line contains.
    let all: [[UInt8]]
    let any: [[UInt8]]
    let exclusions: [[UInt8]]
    let ignoresCase: Bool
    let pattern: LinePattern?
    let isWeakRoot: Bool

    /// Why a rule doesn't match a line.
    enum Miss: Hashable, Sendable {
        case text(String)
        case excluded(String)
        case pattern
    }

    init(_ rule: Rule) {
        let anchors = rule.anchors
        all = rule.all.filter { anchors != [$0] }.map { Array($0.utf8) }
        any = rule.any.map { Array($0.utf8) }
        exclusions = rule.exclusions.map { Array($0.utf8) }
        ignoresCase = rule.ignoresCase
        // A table accepts only expressions that compile; a rule made in code with an invalid one never matches.
        pattern = rule.pattern.flatMap { (try? LinePattern($0, ignoresCase: rule.ignoresCase)) ?? LinePattern.never }
        isWeakRoot = rule.weight == .weak && rule.role == .rootCause
    }

    /// - Parameter line: one that contains an anchor of the rule.
    /// - Returns: `nil` if the rule matches.
    func miss(_ line: UnsafeRawBufferPointer) -> Miss? {
        for text in all where !isFound(text, in: line) { return .text(String(decoding: text, as: UTF8.self)) }
        if !any.isEmpty, !any.contains(where: { isFound($0, in: line) }) {
            return .text(String(decoding: any[0], as: UTF8.self))
        }
        for text in exclusions where isFound(text, in: line) { return .excluded(String(decoding: text, as: UTF8.self)) }
        if let pattern, !pattern.matches(line) { return .pattern }
        return nil
    }

    private func isFound(_ text: [UInt8], in line: UnsafeRawBufferPointer) -> Bool {
        ByteText.find(text, in: line, ignoresCase: ignoresCase) != nil
    }
}

extension LinePattern {
    /// Matches nothing: no line has a byte between its end and its start.
    fileprivate static let never: LinePattern? = try? LinePattern("$.^", ignoresCase: false)
}

/// A line that a rule matches.
package struct RuleHit: Hashable, Sendable {
    /// The rule's index in its table's `rules`.
    package var rule: Int
    /// Where the line is, without its end, as offsets into the searched bytes. For a line longer than `RuleMatcher.longestLine`, the part
    /// around the found text.
    package var line: Range<Int>
}

/// How the rules judge a line.
package struct LineExplanation: Hashable, Sendable {
    /// How one rule, with a text in the line, judges it.
    package struct Verdict: Hashable, Sendable {
        package let ruleID: String
        let miss: CompiledRule.Miss?

        package var isHit: Bool { miss == nil }
        /// Whether the line has all the rule's texts, but is excluded or doesn't match the regular expression.
        package var isNearMiss: Bool {
            switch miss {
            case .excluded, .pattern: true
            case nil, .text: false
            }
        }
        /// Why the rule doesn't match, as a phrase; `nil` if it does.
        package var reason: String? {
            switch miss {
            case nil: nil
            case .text(let text): "the line lacks '\(text)'"
            case .excluded(let text): "the line has '\(text)', which the rule excludes"
            case .pattern: "the regular expression doesn't match"
            }
        }
    }

    /// The text that excludes the line from all rules.
    package let exclusion: String?
    /// In the table's order.
    package let verdicts: [Verdict]
    /// The ids of the rules that match and count.
    package let hits: [String]
}
