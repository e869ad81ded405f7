private import Glibc

/// A POSIX extended regular expression over bytes that says where it matches, and what its groups match.
///
/// Positions take time that grows with the square of the text in the worst case, so texts are given in windows, and `trialTime` says how long
/// an expression takes for one.
///
/// `@unchecked Sendable`: nothing changes the compiled expression after `init`, and POSIX requires `regexec` to be thread-safe.
final class MatchPattern: @unchecked Sendable {
    /// How many bytes are looked at in one go, and how many of them belong to the next window as well: a match may begin in these.
    static let (window, overlap) = (4096, 1024)
    /// A match that is longer than this takes the rest of its line with it.
    static let longestMatch = 64 << 10
    private static let longest = 1000
    private static let mostGroups = 10

    private var compiled = regex_t()
    /// How many groups it has.
    let groups: Int

    /// - Parameter text: at most 1000 bytes, without back-references, which could take exponential time.
    init(_ text: String, ignoresCase: Bool = false) throws(RedactionProblem) {
        guard text.utf8.count <= Self.longest else { throw RedactionProblem("it is longer than \(Self.longest) bytes") }
        guard !text.utf8.contains(0), !text.utf8.contains(0x0A) else {
            throw RedactionProblem("it is matched with one line at a time, and can have no line break")
        }
        guard !Self.hasBackReference(text) else {
            throw RedactionProblem("it has a back-reference, which takes too long")
        }
        guard ExpressionSize.of(text) < ExpressionSize.most else {
            throw RedactionProblem("with its repetitions written out it has \(ExpressionSize.most) pieces or more")
        }
        let code = regcomp(&compiled, text, REG_EXTENDED | (ignoresCase ? REG_ICASE : 0))
        guard code == 0 else {
            var message = [CChar](repeating: 0, count: 128)
            regerror(code, &compiled, &message, message.count)
            throw RedactionProblem(
                String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        groups = compiled.re_nsub
        guard groups < Self.mostGroups else {
            throw RedactionProblem("it has \(groups) groups; \(Self.mostGroups - 1) are allowed")
        }
    }

    deinit { regfree(&compiled) }

    /// The first match in a part of a line: the whole, and each group; `nil` for a group that takes no part in it.
    ///
    /// - Parameter part: positions are those of the line. `^` and `$` match at its ends only where these are the line's.
    func match(in line: UnsafeRawBufferPointer, _ part: Range<Int>) -> [Range<Int>?]? {
        guard let base = line.baseAddress else { return nil }
        var found = [regmatch_t](repeating: regmatch_t(), count: groups + 1)
        found[0] = regmatch_t(rm_so: 0, rm_eo: regoff_t(part.count))
        let flags =
            REG_STARTEND | (part.lowerBound > 0 ? REG_NOTBOL : 0) | (part.upperBound < line.count ? REG_NOTEOL : 0)
        let start = (base + part.lowerBound).assumingMemoryBound(to: CChar.self)
        guard regexec(&compiled, start, found.count, &found, flags) == 0 else { return nil }
        return found.map { one in
            one.rm_so < 0 ? nil : part.lowerBound + Int(one.rm_so)..<part.lowerBound + Int(one.rm_eo)
        }
    }

    var matchesNothing: Bool {
        var empty: [regmatch_t] = [regmatch_t(rm_so: 0, rm_eo: 0)]
        return regexec(&compiled, "", 1, &empty, REG_STARTEND) == 0
    }

    /// The most CPU time that a window of text took, of those that are hard for expressions, in nanoseconds. Where shorter ones already take more
    /// than the limit, theirs.
    func trialTime(limit: UInt64) -> UInt64 {
        var longest: UInt64 = 0
        for length in [64, 256, 1024, Self.window] {
            for text in Self.trials {
                // What else the machine does only makes a time longer.
                let times = (0..<3).lazy.map { _ in self.time(of: text[..<length]) }
                longest = max(longest, times.first { $0 <= limit } ?? times.min() ?? 0)
                guard longest <= limit else { return longest }
            }
        }
        return longest
    }

    private func time(of text: ArraySlice<UInt8>) -> UInt64 {
        func now() -> UInt64 {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        }
        let start = now()
        text.withUnsafeBytes { line in
            var begin = 0
            // As often as a match can follow a match.
            while begin < line.count, let found = match(in: line, begin..<line.count)?[0] {
                begin = max(found.upperBound, begin + 1)
            }
        }
        return now() - start
    }

    /// Lines on which expressions begin to match again and again, or match all of it and then don't.
    private static let trials: [[UInt8]] = [
        "a", "0", "A", "f", "x=", "a b ", "0.", "/", ":", "a@", "\"", " ", "aA0_", "A0", "key=value ", "user:word@",
        "https://host/path?a=b&", "Bearer aaaa.bbbb ", "step 12 loss 2.5 ",
    ].map { piece in
        Array(Array(repeating: Array(piece.utf8), count: window / piece.utf8.count + 1).joined().prefix(window))
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

/// Why a rule can't be used: a sentence without its subject.
package struct RedactionProblem: Error, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
