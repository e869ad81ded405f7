private import Diagnosis

/// A rule, prepared for comparing lines with it.
struct CompiledRule: Sendable {
    /// Without the rule's only anchor, which every examined line contains.
    let all: [[UInt8]]
    let any: [[UInt8]]
    private let anchors: [[UInt8]]
    let exclusions: [[UInt8]]
    let ignoresCase: Bool
    let pattern: LinePattern?
    let isWeakRoot: Bool

    /// Why a rule doesn't match a line.
    enum Miss: Hashable, Sendable {
        case text(String)
        case excluded(String)
        case pattern
        case noKernelLine
    }

    init(_ rule: Rule) {
        // The search for exceptions' rules is by these texts themselves.
        let anchors = rule.place == .exception ? [] : rule.anchors
        self.anchors = anchors.map { Array($0.utf8) }
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
        guard let pattern, !pattern.matches(line) else { return nil }
        return .pattern
    }

    /// Whether the line begins with one of the rule's texts.
    func isBeginning(of line: UnsafeRawBufferPointer) -> Bool {
        (anchors + all + any).contains { line.starts(with: $0) }
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
    /// What was raised, if the line says that.
    var exception: RaisedException?

    package static func == (left: RuleHit, right: RuleHit) -> Bool {
        left.rule == right.rule && left.line == right.line
    }
    package func hash(into hasher: inout Hasher) {
        hasher.combine(rule)
        hasher.combine(line)
    }
}

/// Where lines come from.
package enum TextKind: Hashable, Sendable {
    /// A program's log; `logEnd`: with its end.
    case log, logEnd
    /// The kernel's.
    case kernelLog
    /// What a launcher or an error file says about a failure.
    case message
}
