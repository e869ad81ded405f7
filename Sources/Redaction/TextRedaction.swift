internal import Diagnosis
internal import FailureDiagnosis
private import SystemSupport

/// Takes out of a text what rules say. Every line stays a line, so that a text keeps its number of lines.
struct TextRedaction: Sendable {
    /// What became of a text.
    struct Outcome {
        /// `nil`: it stays as it is.
        var text: [UInt8]?
        /// How often each rule has hidden something, by the rule's index.
        var counts: [Int: Int] = [:]
        /// As `KeyBlock.linesLeft`.
        var keyLinesLeft = 0
    }

    private struct PatternRule: Sendable {
        let index: Int
        let pattern: MatchPattern
        let replacement: [RedactionRule.ReplacementPiece]
    }

    private let patterns: [PatternRule]
    /// Finds the lines that are tried; `nil`: all are.
    private let scanner: TermScanner?
    private let keyRule: Int?
    private let secretRule: Int?

    /// - Parameter rules: all of them, in the order in which they are applied; those for other types count not.
    init(_ rules: [RedactionRule], for type: DiagnosisDataType) {
        var (patterns, terms): ([PatternRule], [TermScanner.Term]) = ([], [])
        var (triesAll, keyRule, secretRule): (Bool, Int?, Int?) = (false, nil, nil)
        for (index, rule) in rules.enumerated() where rule.types?.contains(type) ?? true {
            switch rule.method {
            case .pattern(let pattern, let texts, let replacement):
                patterns.append(PatternRule(index: index, pattern: pattern, replacement: replacement))
                if let texts { terms += texts } else { triesAll = true }
            case .privateKeys: keyRule = index
            case .secrets: secretRule = index
            }
        }
        self.patterns = patterns
        scanner = triesAll || terms.isEmpty ? nil : TermScanner(terms)
        self.keyRule = keyRule
        self.secretRule = secretRule
    }

    var isEmpty: Bool { patterns.isEmpty && keyRule == nil && secretRule == nil }

    /// - Parameter keyLinesLeft: of the text before, where this one goes on with it.
    func apply(to text: [UInt8], keyLinesLeft: Int = 0) -> Outcome {
        var outcome = Outcome()
        var current = text
        if let keyRule {
            var block = KeyBlock(linesLeft: keyLinesLeft, replacement: Array(RedactionRule.defaultReplacement.utf8))
            if current.withUnsafeBytes({ block.mayHide(in: $0) }) {
                current = Self.mappingLines(of: current) { block.hide($0) }
            }
            outcome.keyLinesLeft = block.linesLeft
            if block.count > 0 { outcome.counts[keyRule] = block.count }
        }
        if !patterns.isEmpty { applyPatterns(to: &current, &outcome.counts) }
        if let secretRule {
            let shown = SecretText.hidden(in: String(decoding: current, as: UTF8.self))
            if !shown.utf8.elementsEqual(current) {
                outcome.counts[secretRule] = 1
                current = Array(shown.utf8)
            }
        }
        outcome.text = current == text ? nil : current
        return outcome
    }

    // MARK: lines

    private static func mappingLines(of text: [UInt8], _ change: (ArraySlice<UInt8>) -> [UInt8]) -> [UInt8] {
        var changed: [UInt8] = []
        changed.reserveCapacity(text.count)
        for (index, line) in text.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            if index > 0 { changed.append(0x0A) }
            changed += change(line)
        }
        return changed
    }

    private func applyPatterns(to text: inout [UInt8], _ counts: inout [Int: Int]) {
        let lines = text.withUnsafeBytes { linesToTry(in: $0) }
        guard !lines.isEmpty else { return }
        var changed: [UInt8] = []
        var copied = 0
        for line in lines {
            var content = Array(text[line])
            var isChanged = false
            for rule in patterns {
                guard let (shown, count) = Self.apply(rule, to: content) else { continue }
                content = shown
                counts[rule.index, default: 0] += count
                isChanged = true
            }
            guard isChanged else { continue }
            changed += text[copied..<line.lowerBound]
            changed += content
            copied = line.upperBound
        }
        guard copied > 0 else { return }
        text = changed + text[copied...]
    }

    /// In their order, without their ends.
    private func linesToTry(in text: UnsafeRawBufferPointer) -> [Range<Int>] {
        guard let scanner else {
            var (lines, start): ([Range<Int>], Int) = ([], 0)
            while start < text.count {
                let end = text[start...].firstIndex(of: 0x0A) ?? text.count
                if end > start { lines.append(start..<end) }
                start = end + 1
            }
            return lines
        }
        var lines: Set<Range<Int>> = []
        scanner.scan(text) { _, position in
            let start = text[..<position].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
            let end = text[position...].firstIndex(of: 0x0A) ?? text.count
            lines.insert(start..<end)
            return max(end, position + 1)
        }
        return lines.sorted { $0.lowerBound < $1.lowerBound }
    }

    /// - Returns: the line with its replacements, and how many there are; `nil` if there is none.
    private static func apply(_ rule: PatternRule, to line: [UInt8]) -> ([UInt8], Int)? {
        line.withUnsafeBytes { line -> ([UInt8], Int)? in
            var (shown, copied, count, start) = ([UInt8](), 0, 0, 0)
            while start < line.count {
                let end = min(line.count, start + MatchPattern.window)
                guard let match = next(rule.pattern, in: line, start..<end), let whole = match[0] else {
                    // What begins in the overlap may go on in the next window.
                    start = end == line.count ? end : end - MatchPattern.overlap
                    continue
                }
                shown += line[copied..<whole.lowerBound]
                for piece in rule.replacement {
                    switch piece {
                    case .text(let text): shown += text
                    case .group(let number): if let group = match[number] { shown += line[group] }
                    }
                }
                count += 1
                copied = whole.upperBound
                // An empty match, as of x* in the middle of a line, hides nothing and must not come again.
                start = max(whole.upperBound, start + 1)
                if whole.isEmpty { start = max(start, whole.upperBound + 1) }
            }
            guard count > 0 else { return nil }
            return (shown + line[copied...], count)
        }
    }

    /// The first match that begins in a window. One that reaches its end is looked at again with more of the line; one that is still longer takes
    /// all of the line.
    private static func next(
        _ pattern: MatchPattern, in line: UnsafeRawBufferPointer, _ window: Range<Int>
    ) -> [Range<Int>?]? {
        guard let match = pattern.match(in: line, window), let whole = match[0] else { return nil }
        guard whole.upperBound == window.upperBound, window.upperBound < line.count else { return match }
        let end = min(line.count, whole.lowerBound + MatchPattern.longestMatch)
        guard var longer = pattern.match(in: line, whole.lowerBound..<end), let all = longer[0] else { return match }
        if all.upperBound == end, end < line.count { longer[0] = all.lowerBound..<line.count }
        return longer
    }
}
