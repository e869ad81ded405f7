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
