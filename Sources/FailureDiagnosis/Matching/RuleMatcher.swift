private import Diagnosis
private import Glibc

/// Finds the lines that a table's rules match.
///
/// One pass searches for the texts of all rules; only a line that contains one is examined more closely and tried with regular expressions.
/// If several rules match a line, general ones (weak root causes) count only if no other does, and then only the first of them. Tracebacks are
/// read as a whole (`TracebackReader`): their frames match nothing, and the line that says what was raised is tried with all rules.
package struct RuleMatcher: Sendable {
    /// In bytes; only the part around the found text is examined of a longer line.
    package static let longestLine = 8192

    /// The table that the hits' `rule` indexes.
    package let table: RuleTable
    /// Searches for the texts of the rules that are about lines, and for the marks of tracebacks.
    private let scanner: TermScanner
    private let rulesOfTerm: [[Int]]
    let rules: [CompiledRule]
    private let exclusions: [[UInt8]]
    private let advice: AdviceMask
    /// The rules that are about exceptions only, which are few and tried one by one.
    private let exceptionRules: [Int]
    private let marks: Set<Int>

    package init(_ table: RuleTable) {
        self.table = table
        rules = table.rules.map(CompiledRule.init)
        exclusions = table.exclusions.map { Array($0.utf8) }
        advice = AdviceMask(table.advice)
        exceptionRules = table.rules.indices.filter { table.rules[$0].place == .exception }
        var terms: [TermScanner.Term: Int] = [:]
        var ordered: [TermScanner.Term] = []
        var rulesOfTerm: [[Int]] = []
        func add(_ term: TermScanner.Term, of rule: Int?) {
            let known = terms[term] ?? ordered.count
            if known == ordered.count {
                terms[term] = known
                ordered.append(term)
                rulesOfTerm.append([])
            }
            if let rule { rulesOfTerm[known].append(rule) }
        }
        for (index, rule) in table.rules.enumerated() where rule.place != .exception {
            for anchor in rule.anchors {
                add(TermScanner.Term(bytes: Array(anchor.utf8), ignoresCase: rule.ignoresCase), of: index)
            }
        }
        for mark in TracebackReader.marks {
            add(TermScanner.Term(bytes: Array(mark.utf8), ignoresCase: false), of: nil)
        }
        marks = Set(
            TracebackReader.marks.compactMap {
                terms[TermScanner.Term(bytes: Array($0.utf8), ignoresCase: false)]
            })
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

    /// The hits in what a launcher, an error file or somebody else reports as an error: the line of an exception needs no traceback.
    package func hits(inMessage text: String) -> [RuleHit] {
        Array(text.utf8).withUnsafeBytes { hits(in: $0, kind: .message) }
    }

    /// The hits in whole lines, in the order of the lines.
    package func hits(in bytes: UnsafeRawBufferPointer, kind: TextKind = .log) -> [RuleHit] {
        match(bytes, kind: kind).hits
    }

    /// The hits in whole lines, and which lines are parts of tracebacks.
    func match(_ bytes: UnsafeRawBufferPointer, kind: TextKind) -> (hits: [RuleHit], bodies: Set<Int>) {
        var lines: [Range<Int>] = []
        var marked: [Range<Int>] = []
        scanner.scan(bytes) { term, position in
            let line = LineBounds.line(in: bytes, around: position, limit: Self.longestLine)
            if marks.contains(term) { marked.append(line) }
            lines.append(line)
            return max(line.upperBound, position + 1)
        }
        appendColouredLines(of: bytes, to: &lines)
        // Short texts are searched for after the others, so their lines come out of order and may come twice.
        lines = LineBounds.inOrder(lines)
        let tracebacks = TracebackReader(bytes, lines: markedLines(LineBounds.inOrder(marked), lines, in: bytes))
        var hits: [RuleHit] = []
        for line in lines where !tracebacks.bodies.contains(line.lowerBound) {
            appendHits(of: line, in: bytes, kind, to: &hits)
        }
        var exceptions = tracebacks.exceptions
        if kind != .log { exceptions += bareExceptions(in: bytes, kind, except: tracebacks) }
        guard !exceptions.isEmpty else { return (hits, tracebacks.bodies) }
        for exception in exceptions { add(exception, to: &hits) }
        hits.sort { ($0.line.lowerBound, $0.rule) < ($1.line.lowerBound, $1.rule) }
        return (hits, tracebacks.bodies)
    }

    /// Where in a line the text is by which a rule matches it, in bytes: the longest of the rule's texts, or the line of a traceback in a
    /// structured line's field. 0 if that isn't known.
    func position(of rule: Int, in line: [UInt8]) -> Int {
        line.withUnsafeBytes { line in
            let isException = table.rules[rule].place == .exception
            if !isException, rules[rule].miss(line) == nil { return longestText(of: rule, in: line) ?? 0 }
            var end = line.count
            while end > 0 {
                var start = end
                while start > 0, !(line[start - 1] == UInt8(ascii: "n") && start > 1 && line[start - 2] == 0x5C) {
                    start -= 1
                }
                let piece = UnsafeRawBufferPointer(rebasing: line[start..<end])
                let isPlace =
                    isException ? ExceptionLine.isException(Array(piece)[...]) : longestText(of: rule, in: piece) != nil
                if isPlace, rules[rule].miss(piece) == nil { return start }
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

    private func appendHits(
        of line: Range<Int>, in bytes: UnsafeRawBufferPointer, _ kind: TextKind, to hits: inout [RuleHit]
    ) {
        let whole = UnsafeRawBufferPointer(rebasing: bytes[line])
        guard generalExclusion(in: whole) == nil else { return }
        let found: [Int]
        if let masked = advice.masked(whole) {
            found = masked.withUnsafeBytes { rulesMatching($0, kind) }
        } else {
            found = rulesMatching(whole, kind)
        }
        for rule in found { hits.append(RuleHit(rule: rule, line: line)) }
    }

    private func rulesMatching(_ line: UnsafeRawBufferPointer, _ kind: TextKind) -> [Int] {
        let rules = decisive(candidates(in: line).filter { isAllowed($0, line, kind) }, line)
        return rules.isEmpty ? programRules(in: line, kind) : rules
    }

    /// Whether the rule may be about a line of this kind. What is reported as the kernel's begins like it.
    func isAllowed(_ rule: Int, _ line: UnsafeRawBufferPointer, _ kind: TextKind) -> Bool {
        guard table.rules[rule].place == .kernel else { return true }
        return KernelLine.isKernel(line, isKernelLog: kind == .kernelLog)
            || kind == .message && rules[rule].isBeginning(of: line)
    }

    /// The rules that match the line only without a container's envelope, colours, and launchers' prefixes.
    private func programRules(in line: UnsafeRawBufferPointer, _ kind: TextKind) -> [Int] {
        for program in ProgramText.pieces(of: line) {
            let rules = program.withUnsafeBytes { text in
                generalExclusion(in: text) == nil
                    ? decisive(candidates(in: text).filter { isAllowed($0, text, kind) }, text) : []
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

    func generalExclusion(in line: UnsafeRawBufferPointer) -> String? {
        exclusions.first { ByteText.find($0, in: line, ignoresCase: false) != nil }
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// The rules with an anchor in the line, in the table's order.
    ///
    /// - Parameter isException: whether the line says what was raised, so that the rules about exceptions count, too.
    func candidates(in line: UnsafeRawBufferPointer, isException: Bool = false) -> [Int] {
        var found: [Int] = isException ? exceptionRules : []
        scanner.scan(line) { term, _ in
            for rule in rulesOfTerm[term] where !found.contains(rule) { found.append(rule) }
            return nil
        }
        found.sort()
        return found
    }

    /// The candidates that match the line; of general ones only the first, and only if there are no others.
    func decisive(_ candidates: [Int], _ line: UnsafeRawBufferPointer) -> [Int] {
        let hits = candidates.filter { rules[$0].miss(line) == nil }
        let special = hits.filter { !rules[$0].isWeakRoot }
        return special.isEmpty ? Array(hits.prefix(1)) : special
    }
}
