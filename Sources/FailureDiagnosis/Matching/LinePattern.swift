private import Glibc

/// A POSIX extended regular expression over bytes, as in `grep -E`: its time is proportional to the line's length, whatever the expression.
///
/// `@unchecked Sendable`: nothing changes the compiled expression after `init`, and POSIX requires `regexec` to be thread-safe (glibc locks
/// the expression).
final class LinePattern: @unchecked Sendable {
    private var compiled = regex_t()

    /// - Parameter text: at most 1000 bytes, without back-references, which could take exponential time.
    init(_ text: String, ignoresCase: Bool) throws(LinePatternError) {
        guard text.utf8.count <= 1000 else { throw LinePatternError(reason: "it is longer than 1000 bytes") }
        guard !Self.hasBackReference(text) else {
            throw LinePatternError(reason: "it has a back-reference, which takes too long")
        }
        let code = regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB | REG_NEWLINE | (ignoresCase ? REG_ICASE : 0))
        guard code == 0 else {
            var message = [CChar](repeating: 0, count: 128)
            regerror(code, &compiled, &message, message.count)
            throw LinePatternError(
                reason: String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
    }

    deinit { regfree(&compiled) }

    /// Whether the expression matches anywhere in the line.
    func matches(_ line: UnsafeRawBufferPointer) -> Bool {
        var limits = regmatch_t(rm_so: 0, rm_eo: regoff_t(line.count))
        guard let base = line.baseAddress else { return false }
        return regexec(&compiled, base.assumingMemoryBound(to: CChar.self), 1, &limits, REG_STARTEND) == 0
    }

    /// How much of an expression matches a line that the whole doesn't match: its longest beginning that is an expression and does.
    static func matchingBeginning(of text: String, ignoresCase: Bool, in line: UnsafeRawBufferPointer) -> String {
        var beginning = Substring(text)
        while let last = beginning.popLast() {
            // What stands before a bar or an open bracket matches in another way than the whole would.
            guard last != "|", let pattern = try? LinePattern(String(beginning), ignoresCase: ignoresCase) else {
                continue
            }
            if !beginning.isEmpty, pattern.matches(line) { return String(beginning) }
        }
        return ""
    }

    private static func hasBackReference(_ text: String) -> Bool {
        var isEscaped = false
        for byte in text.utf8 {
            if isEscaped, (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(byte) { return true }
            isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
        }
        return false
    }
}

/// Why a text can't be used as a regular expression.
struct LinePatternError: Error, Hashable {
    let reason: String
}

/// Searches for a text in bytes.
package enum ByteText {
    /// Whether `bytes` has `text` at `start`; there must be that many bytes left.
    package static func matches(
        _ text: [UInt8], _ bytes: UnsafeRawBufferPointer, at start: Int, ignoresCase: Bool
    ) -> Bool {
        guard ignoresCase else {
            return text.withUnsafeBytes { text in
                guard let wanted = text.baseAddress, let base = bytes.baseAddress else { return true }
                return memcmp(wanted, base + start, text.count) == 0
            }
        }
        return text.indices.allSatisfy { folded(text[$0]) == folded(bytes[start + $0]) }
    }

    /// The position of the first `text`.
    package static func find(_ text: [UInt8], in bytes: UnsafeRawBufferPointer, ignoresCase: Bool) -> Int? {
        guard text.count <= bytes.count, let base = bytes.baseAddress else { return nil }
        guard !ignoresCase else {
            return (0...(bytes.count - text.count)).first { matches(text, bytes, at: $0, ignoresCase: true) }
        }
        guard let first = text.first else { return 0 }
        var start = 0
        let last = bytes.count - text.count
        while start <= last, let found = memchr(base + start, Int32(first), last - start + 1) {
            start = UnsafeRawPointer(found) - base
            if matches(text, bytes, at: start, ignoresCase: false) { return start }
            start += 1
        }
        return nil
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}

/// Finds where lines begin and end.
package enum LineBounds {
    /// The line around a position, without its end. A carriage return ends a line too, as progress bars use it.
    ///
    /// - Parameter limit: the most bytes of the line to return, half of them on either side.
    package static func line(in bytes: UnsafeRawBufferPointer, around position: Int, limit: Int) -> Range<Int> {
        let first = max(0, position - limit / 2)
        let last = min(bytes.count, position + limit / 2)
        var start = position
        while start > first, !isEnd(bytes[start - 1]) { start -= 1 }
        var end = position
        while end < last, !isEnd(bytes[end]) { end += 1 }
        return start..<end
    }

    /// The lines sorted by position, without duplicates.
    static func inOrder(_ lines: [Range<Int>]) -> [Range<Int>] {
        let isOrdered = zip(lines, lines.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound }
        if isOrdered { return lines }
        var ordered: [Range<Int>] = []
        for line in lines.sorted(by: { $0.lowerBound < $1.lowerBound })
        where (ordered.last?.upperBound ?? 0) <= line.lowerBound {
            ordered.append(line)
        }
        return ordered
    }

    /// The non-empty lines.
    package static func lines(in bytes: UnsafeRawBufferPointer) -> [Range<Int>] {
        bytes.split(whereSeparator: isEnd).map { $0.startIndex..<$0.endIndex }
    }

    /// The last non-empty lines, in their order.
    package static func lastLines(_ count: Int, in bytes: UnsafeRawBufferPointer) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var end = bytes.count
        while lines.count < count {
            while end > 0, isEnd(bytes[end - 1]) { end -= 1 }
            guard end > 0 else { break }
            var start = end
            while start > 0, !isEnd(bytes[start - 1]) { start -= 1 }
            lines.append(start..<end)
            end = start
        }
        return lines.reversed()
    }

    static func isEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

    static func newlines(in bytes: UnsafeRawBufferPointer) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var (count, start) = (0, 0)
        while start < bytes.count, let found = memchr(base + start, 0x0A, bytes.count - start) {
            count += 1
            start = UnsafeRawPointer(found) - base + 1
        }
        return count
    }
}
