private import Glibc

/// A POSIX extended regular expression over bytes, as of `grep -E`: it takes time in proportion to the line, whatever the expression.
///
/// `@unchecked Sendable`: nothing writes to the compiled expression once it is made, and `regexec` takes a lock of its own (POSIX requires
/// it to be safe among threads).
final class LinePattern: @unchecked Sendable {
    private var compiled = regex_t()

    /// - Parameter text: at most 1000 bytes, without back-references, which would take exponential time.
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

    /// Whether the expression matches somewhere in the line.
    func matches(_ line: UnsafeRawBufferPointer) -> Bool {
        var limits = regmatch_t(rm_so: 0, rm_eo: regoff_t(line.count))
        guard let base = line.baseAddress else { return false }
        return regexec(&compiled, base.assumingMemoryBound(to: CChar.self), 1, &limits, REG_STARTEND) == 0
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
