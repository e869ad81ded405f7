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

/// A rule in the form in which lines are compared with it.
struct CompiledRule: Sendable {
    /// Without the rule's only anchor, which stands in each line that is looked at.
    let all: [[UInt8]]
    let any: [[UInt8]]
    let exclusions: [[UInt8]]
    let ignoresCase: Bool
    let pattern: LinePattern?
    let isWeakRoot: Bool

    /// Why a line is no hit of a rule.
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
        // A table only takes expressions that compile; a rule made in code with another one never matches.
        pattern = rule.pattern.flatMap { (try? LinePattern($0, ignoresCase: rule.ignoresCase)) ?? LinePattern.never }
        isWeakRoot = rule.weight == .weak && rule.role == .rootCause
    }

    /// `nil`: the line, in which one of the rule's anchors stands, is a hit.
    func miss(_ line: UnsafeRawBufferPointer) -> Miss? {
        for text in all where !stands(text, in: line) { return .text(String(decoding: text, as: UTF8.self)) }
        if !any.isEmpty, !any.contains(where: { stands($0, in: line) }) {
            return .text(String(decoding: any[0], as: UTF8.self))
        }
        for text in exclusions where stands(text, in: line) { return .excluded(String(decoding: text, as: UTF8.self)) }
        if let pattern, !pattern.matches(line) { return .pattern }
        return nil
    }

    private func stands(_ text: [UInt8], in line: UnsafeRawBufferPointer) -> Bool {
        ByteText.find(text, in: line, ignoresCase: ignoresCase) != nil
    }
}

extension LinePattern {
    /// Matches nothing: a byte between end and start of one line.
    fileprivate static let never: LinePattern? = try? LinePattern("$.^", ignoresCase: false)
}

/// A line that a rule matches.
public struct RuleHit: Hashable, Sendable {
    /// The rule's place in its table's `rules`.
    public var rule: Int
    /// Where the line is, without its end: an offset in the bytes that were searched. Of a line longer than `RuleMatcher.longestLine` the
    /// part around the text that was found.
    public var line: Range<Int>
}

/// What the rules make of a line.
public struct LineExplanation: Hashable, Sendable {
    /// What a rule with a text in the line says.
    public struct Verdict: Hashable, Sendable {
        public let ruleID: String
        let miss: CompiledRule.Miss?

        public var isHit: Bool { miss == nil }
        /// Whether the line has all the rule's texts, and is none of its all the same.
        public var isNearMiss: Bool {
            switch miss {
            case .excluded, .pattern: true
            case nil, .text: false
            }
        }
        /// Why the rule doesn't match, as a phrase; `nil`: it does.
        public var reason: String? {
            switch miss {
            case nil: nil
            case .text(let text): "the line lacks '\(text)'"
            case .excluded(let text): "the line has '\(text)', which the rule excludes"
            case .pattern: "the regular expression doesn't match"
            }
        }
    }

    /// The text that keeps the line from every rule.
    public let exclusion: String?
    /// In the table's order.
    public let verdicts: [Verdict]
    /// The ids of the rules that count for the line.
    public let hits: [String]
}
