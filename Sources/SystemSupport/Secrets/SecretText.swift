/// Finds what looks like a secret in a text, and hides it: the values of names such as `token` or `apiKey`, in any of the forms `name=value`,
/// `--name value`, `"name": "value"`, a header or a URL's query; the password of a URL; what stands after `Bearer`; private keys; and tokens
/// of well-known shapes.
///
/// Rules cannot know every secret: one without a name and a known shape stays. The time is proportional to the text, whatever is in it.
package enum SecretText {
    package static let replacement = "[redacted]"

    /// - Parameter isWord: whether the text is one word of a command line, which then ends a value, and not a space or a comma.
    package static func hidden(in text: String, isWord: Bool = false) -> String {
        var scanner = SecretScanner(Array(text.utf8), isWord: isWord)
        return scanner.hidden().map { String(decoding: $0, as: UTF8.self) } ?? text
    }

    /// A field for people, in one line: without secrets, and without what a terminal could take for a command.
    package static func line(_ text: String, limit: Int = TerminalText.longestField) -> String {
        // Of a long text, what is cut off anyway need not be looked at; a secret at the cut is still seen as one.
        let head = text.utf8.count > 2 * limit ? String(decoding: text.utf8.prefix(2 * limit), as: UTF8.self) : text
        return TerminalText.line(hidden(in: head), limit: limit)
    }

    /// Whether a name is one for secrets: `hf_token` and `accessToken` are; `tokenizer`, `max-tokens` and `token-file` are not.
    package static func isName(_ name: Substring) -> Bool {
        SecretName.certainty(Array(name.utf8.suffix(SecretName.longest))[...]) != nil
    }

    /// Whether the secret stands behind this word: `Bearer`.
    package static func isScheme(_ word: String) -> Bool { word.lowercased() == "bearer" }
}

/// Goes over one text, from left to right. It never looks further than a fixed number of bytes ahead, or back, for something that it does
/// not hide.
struct SecretScanner {
    let text: [UInt8]
    let isWord: Bool
    /// How far is looked to decide.
    static let horizon = 256
    private var copied = 0
    private var output: [UInt8] = []
    private var index = 0
    /// Where an argument's name begins, behind its dashes.
    private let wordStart: Int

    init(_ text: [UInt8], isWord: Bool) {
        self.text = text
        self.isWord = isWord
        wordStart = text.firstIndex { !"-+~".utf8.contains($0) } ?? text.count
    }

    /// - Returns: `nil` if nothing is to be hidden.
    mutating func hidden() -> [UInt8]? {
        while index < text.count {
            if let secret = secret() {
                output += text[copied..<secret.lowerBound]
                output += SecretText.replacement.utf8
                copied = secret.upperBound
                index = max(index + 1, secret.upperBound)
            } else {
                index += 1
            }
        }
        guard copied > 0 else { return nil }
        output += text[copied...]
        return output
    }

    /// What is to be hidden, if the byte here says so.
    private func secret() -> Range<Int>? {
        if index > 0, text[index - 1] == UInt8(ascii: "/"), let secret = userInfo() { return secret }
        switch text[index] {
        case UInt8(ascii: "="): return valueAfterName()
        case UInt8(ascii: ":"): return valueAfterName() ?? passwordOfAddress()
        case UInt8(ascii: "-"): return privateKey() ?? valueAfterOption()
        default:
            guard index == 0 || !isPlain(text[index - 1]) else { return nil }
            return KnownToken.end(in: text, from: index).map { index..<$0 } ?? valueAfterBearer()
        }
    }

    // MARK: addresses

    /// `user:password` in `scheme://user:password@host`.
    private func userInfo() -> Range<Int>? {
        guard index >= 3, text[index - 3..<index].elementsEqual("://".utf8) else { return nil }
        let end = Self.authorityEnds
        let host = text[index...].prefix(Self.horizon * 4).prefix { !end.contains($0) }
        guard let at = host.lastIndex(of: UInt8(ascii: "@")), at > index else { return nil }
        return index..<at
    }

    private static let authorityEnds = ByteSet("/?#\"'<> \t\n\r")

    /// `password` in `user:password@host`, without a scheme.
    private func passwordOfAddress() -> Range<Int>? {
        guard index > 0, isOfName(text[index - 1]), index + 1 < text.count else { return nil }
        let start = index + 1
        let end = Self.authorityEnds
        let rest = text[start...].prefix(Self.horizon).prefix { !end.contains($0) && $0 != UInt8(ascii: ",") }
        guard let at = rest.lastIndex(of: UInt8(ascii: "@")), at > start, at + 1 < text.count, isPlain(text[at + 1]),
            !text[start..<at].allSatisfy(isDigit), !text[(at + 1)...].starts(with: "sha256:".utf8)
        else { return nil }
        return start..<at
    }

    // MARK: values

    private func valueAfterBearer() -> Range<Int>? {
        let scheme = "bearer ".utf8
        guard index + scheme.count < text.count, zip(text[index...], scheme).allSatisfy({ $0 | 0x20 == $1 }) else {
            return nil
        }
        let start = index + scheme.count
        let end = Self.valueEnds
        let sample = text[start...].prefix(Self.horizon).prefix { !end.contains($0) }
        guard sample.count >= 6, !isOrdinaryWord(sample) else { return nil }
        return start..<endOfValue(from: start)
    }

    /// From `-----BEGIN … PRIVATE KEY-----` to its end, or to that of the text.
    private func privateKey() -> Range<Int>? {
        let begin = "-----BEGIN ".utf8
        guard text[index...].starts(with: begin) else { return nil }
        let head = text[(index + begin.count)...].prefix(60)
        let mark = Array("PRIVATE KEY".utf8)
        guard head.indices.contains(where: { head[$0...].starts(with: mark) }) else { return nil }
        let finish = Array("-----END".utf8)
        // Inside JSON or a dictionary a quote ends it.
        var end = index + begin.count
        while end < text.count, text[end] != UInt8(ascii: "\""), text[end] != UInt8(ascii: "'"),
            !text[end...].starts(with: finish)
        { end += 1 }
        guard end < text.count, text[end] == UInt8(ascii: "-") else { return index..<end }
        end += finish.count
        while end < text.count, text[end] != UInt8(ascii: "-"), !isQuote(text[end]) { end += 1 }
        while end < text.count, text[end] == UInt8(ascii: "-") { end += 1 }
        return index..<end
    }

    /// The value of `--token x`, `'--token', 'x'`.
    private func valueAfterOption() -> Range<Int>? {
        guard index == 0 || isSpace(text[index - 1]) || isQuote(text[index - 1]) || text[index - 1] == UInt8(ascii: "[")
        else { return nil }
        let start = text[index...].prefix(2).prefix { $0 == UInt8(ascii: "-") }.endIndex
        let name = text[start...].prefix(SecretName.longest).prefix(while: isOfName)
        guard !name.isEmpty, name.endIndex < text.count, SecretName.certainty(name) != nil else { return nil }
        var value = name.endIndex
        while value < text.count, value - name.endIndex < 8, Self.optionSeparators.contains(text[value]) { value += 1 }
        guard value < text.count, text[name.endIndex..<value].contains(where: { $0 == 0x20 || $0 == UInt8(ascii: ",") })
        else { return nil }
        let ends = Self.valueEnds
        let sample = text[value...].prefix(Self.horizon).prefix { !ends.contains($0) }
        guard let first = sample.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "<"),
            first != UInt8(ascii: "["),
            !isOrdinaryWord(sample), !SecretText.isScheme(String(decoding: sample, as: UTF8.self))
        else { return nil }
        let isQuoted = value > 0 && isQuote(text[value - 1])
        var end = value
        while end < text.count, isQuoted ? text[end] != text[value - 1] : !isSpace(text[end]) && !isQuote(text[end]) {
            end += 1
        }
        return value..<end
    }

    /// The value, if here is the `=` or `:` after a secret's name.
    private func valueAfterName() -> Range<Int>? {
        let isColon = text[index] == UInt8(ascii: ":")
        var nameEnd = index
        while nameEnd > 0, index - nameEnd < 8, isPadding(text[nameEnd - 1]) { nameEnd -= 1 }
        let isQuoted = text[nameEnd..<index].contains { $0 != 0x20 }
        var nameStart = nameEnd
        while nameStart > 0, nameEnd - nameStart < SecretName.longest, isOfName(text[nameStart - 1]) { nameStart -= 1 }
        let name = text[nameStart..<nameEnd]
        guard !name.isEmpty else { return nil }
        let isInQuery =
            nameStart > 0 && (text[nameStart - 1] == UInt8(ascii: "?") || text[nameStart - 1] == UInt8(ascii: "&"))
        let lowerName = String(decoding: name, as: UTF8.self).lowercased()
        let isSigned = isInQuery && ["sig", "signature", "x-amz-signature", "x-goog-signature"].contains(lowerName)
        guard let certainty = isSigned ? .strong : SecretName.certainty(name) else { return nil }

        var value = index + 1
        let isHeader = isColon && (lowerName.hasSuffix("authorization") || lowerName.hasSuffix("cookie"))
        let isInBraces =
            nameStart > 0 && (text[nameStart - 1] == UInt8(ascii: "{") || text[nameStart - 1] == UInt8(ascii: ","))
        let isProse = isColon && !isQuoted && !isInBraces
        if isProse, !isHeader, value >= text.count || text[value] != 0x20 { return nil }
        while value < text.count, value - index < 8, text[value] == 0x20 || text[value] == UInt8(ascii: "\\") {
            value += 1
        }
        guard value < text.count, text[value] != UInt8(ascii: "=") else { return nil }

        let start = isQuote(text[value]) ? value + 1 : value
        let ends = Self.valueEnds
        let sample = text[start...].prefix(Self.horizon).prefix { !ends.contains($0) }
        guard isWorthHiding(sample, name: lowerName) else { return nil }
        let isGivenValue = certainty == .strong && (isHeader || !(isProse && SecretName.isOrdinary(name)))
        guard isGivenValue || isInQuery || isWord && !isColon || looksSecret(sample) else { return nil }

        if start > value { return quoted(from: value) }
        if !isColon && isWord && nameStart <= wordStart && nameEnd == index { return value..<text.count }
        if isHeader {
            return
                value..<(text[value...].firstIndex { $0 == 0x0A || isQuote($0) || $0 == UInt8(ascii: "}") }
                ?? text.count)
        }
        return value..<endOfValue(from: value)
    }

    /// What stands between this quote and the next of its kind; to the end without one.
    private func quoted(from quote: Int) -> Range<Int>? {
        let isEscaped = quote > 0 && text[quote - 1] == UInt8(ascii: "\\")
        let start = quote + 1
        var end = start
        while end < text.count, text[end] != text[quote] || (text[end - 1] == UInt8(ascii: "\\")) != isEscaped {
            end += 1
        }
        if isEscaped, end < text.count { end -= 1 }
        return start < end ? start..<end : nil
    }

    private static let optionSeparators = ByteSet("'\", ")
    private static let valueEnds = ByteSet("&,;})] \t\n\r'\"")

    private func endOfValue(from start: Int) -> Int {
        let ends = Self.valueEnds
        return text[start...].firstIndex { ends.contains($0) } ?? text.count
    }
}
