private import Glibc

/// What was raised, by tracebacks or by single lines.
extension RuleMatcher {
    /// Escape sequences may split the marks of a traceback as well.
    func markedLines(_ marked: [Range<Int>], _ lines: [Range<Int>], in bytes: UnsafeRawBufferPointer) -> [Range<
        Int
    >] {
        let coloured = lines.filter { line in
            let text = UnsafeRawBufferPointer(rebasing: bytes[line])
            guard let base = text.baseAddress, memchr(base, 0x1B, text.count) != nil else { return false }
            return TracebackHead(ProgramText.plain(text)) != nil
        }
        return coloured.isEmpty ? marked : LineBounds.inOrder(marked + coloured)
    }

    /// The lines without a traceback that say what was raised: any in a message, and a log's last ones.
    func bareExceptions(
        in bytes: UnsafeRawBufferPointer, _ kind: TextKind, except tracebacks: TracebackReader
    ) -> [RaisedException] {
        let known = Set(tracebacks.exceptions.map(\.line.lowerBound))
        let lines = kind == .message ? LineBounds.lines(in: bytes) : LineBounds.lastLines(30, in: bytes)
        return lines.compactMap { line in
            guard !tracebacks.bodies.contains(line.lowerBound), !known.contains(line.lowerBound) else { return nil }
            let program = ProgramText(UnsafeRawBufferPointer(rebasing: bytes[line.prefix(Self.longestLine)]))
            // What a message quotes may be indented; in a log, that is a part of something else.
            let text = kind == .message ? program.bytes.drop { $0 == 0x20 } : program.bytes[...]
            let isException =
                kind == .message ? ExceptionLine.isReportedException(text) : ExceptionLine.isBareException(text)
            guard isException else { return nil }
            return RaisedException(
                line: line, text: ExceptionLine.normalized(text),
                standing: kind == .message ? .raised : .bare,
                rank: program.rank)
        }
    }

    /// Adds what the rules say about an exception, in place of what they say about its line.
    func add(_ exception: RaisedException, to hits: inout [RuleHit]) {
        exception.text.withUnsafeBytes { text in
            guard generalExclusion(in: text) == nil else { return }
            let own = decisive(candidates(in: text, isException: true), text)
            hits.removeAll { $0.line == exception.line && $0.exception == nil && own.contains($0.rule) }
            hits += own.map { rule in
                // What a rule knows by its own texts needs no traceback.
                let isLine = exception.standing == .bare && table.rules[rule].place != .exception
                return RuleHit(rule: rule, line: exception.line, exception: isLine ? nil : exception)
            }
        }
    }
}
