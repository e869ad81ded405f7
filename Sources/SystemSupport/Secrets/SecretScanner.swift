/// Goes over one text, from left to right. It never looks further than a fixed number of bytes ahead, or back, for something that it does
/// not hide.
struct SecretScanner {
    let text: [UInt8]
    let isWord: Bool
    /// How far is looked to decide.
    static let horizon = 256
    /// How much space may stand between a name and its value.
    static let widestSpace = 64
    var index = 0
    /// Where an argument's name begins, behind its dashes.
    let wordStart: Int

    init(_ text: [UInt8], isWord: Bool) {
        self.text = text
        self.isWord = isWord
        wordStart = text.firstIndex { !"-+~".utf8.contains($0) } ?? text.count
    }

    /// What is to be hidden, from left to right; none is empty, and no two overlap.
    mutating func secrets() -> [Range<Int>] {
        var found: [Range<Int>] = []
        var end = 0
        while index < text.count {
            if let secret = secret(), secret.upperBound > end {
                let rest = max(end, secret.lowerBound)..<secret.upperBound
                found.append(rest)
                end = rest.upperBound
                index = max(index + 1, end)
            } else {
                index += 1
            }
        }
        return found
    }

    /// What is to be hidden, if the byte here says so.
    private func secret() -> Range<Int>? {
        if index > 0, text[index - 1] == UInt8(ascii: "/"), let secret = userInfo() ?? webhook() { return secret }
        switch text[index] {
        case UInt8(ascii: "="): return valueAfterName()
        case UInt8(ascii: ":"): return valueAfterName() ?? passwordOfAddress()
        case UInt8(ascii: "-"): return privateKey() ?? valueAfterOption() ?? valueAfterFlag()
        case UInt8(ascii: ">"): return valueAfterTag()
        case UInt8(ascii: ","): return valueAfterQuotedName()
        default:
            guard index == 0 || !isPlain(text[index - 1]), isPlain(text[index]) else { return nil }
            return KnownToken.end(in: text, from: index).map { index..<$0 } ?? valueAfterScheme() ?? valueAfterWord()
        }
    }

    // MARK: addresses

    /// `user:password` in `scheme://user:password@host`.
    private func userInfo() -> Range<Int>? {
        guard isAfter("://"), index < text.count else { return nil }
        let rest = text[index...].prefix(Self.horizon * 4).prefix { !Self.addressEnds.contains($0) }
        let authority = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) { return at > index ? index..<at : nil }
        // A password may have these signs, where no port stands before them.
        guard authority.first != UInt8(ascii: "["), let colon = authority.firstIndex(of: UInt8(ascii: ":")),
            authority.endIndex < rest.endIndex, !authority[(colon + 1)...].allSatisfy(isDigit),
            let at = rest.lastIndex(of: UInt8(ascii: "@"))
        else { return nil }
        return index..<at
    }

    private static let addressEnds = ByteSet("\"'<> \t\n\r")

    /// `password` in `user:password@host`, without a scheme.
    private func passwordOfAddress() -> Range<Int>? {
        guard index > 0, isOfName(text[index - 1]), index + 1 < text.count else { return nil }
        let start = index + 1
        let rest = text[start...].prefix(Self.horizon).prefix {
            !Self.addressEnds.contains($0) && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "/")
        }
        guard let at = rest.lastIndex(of: UInt8(ascii: "@")), at > start, at + 1 < text.count,
            isPlain(text[at + 1]) || text[at + 1] == UInt8(ascii: "[") || text[at + 1] == UInt8(ascii: "_"),
            !text[start..<at].allSatisfy(isDigit), !text[(at + 1)...].starts(with: "sha256:".utf8)
        else { return nil }
        return start..<at
    }

    /// The secret in the path of a webhook: `hooks.slack.com/services/T0/B0/…`, `discord.com/api/webhooks/1/…`.
    private func webhook() -> Range<Int>? {
        let start = index
        let segment = text[start...].prefix(Self.horizon).prefix(while: isOfName)
        guard segment.count >= 16, SecretValue.looksRandom(segment) else { return nil }
        let before = text[..<start].suffix(Self.horizon).reversed().prefix { !Self.addressEnds.contains($0) }
        let hook = "kooh".utf8
        var rest = Array(before)[...]
        while rest.count >= 4 {
            if zip(rest, hook).allSatisfy({ $0 | 0x20 == $1 }) { return start..<segment.endIndex }
            rest = rest.dropFirst()
        }
        return nil
    }

    // MARK: keys and schemes

    /// `X` in `Bearer X`, and in `Basic X` if it looks random.
    private func valueAfterScheme() -> Range<Int>? {
        let scheme = text[index...].prefix(24).prefix(while: isOfName)
        guard SecretValue.isScheme(scheme), let start = skipSpace(from: scheme.endIndex), start > scheme.endIndex else {
            return nil
        }
        let isBearer = scheme.count == 6 && scheme.first.map { $0 | 0x20 } == UInt8(ascii: "b")
        let sample = sample(from: start)
        guard isBearer ? sample.count >= 6 && !SecretValue.isOrdinaryWord(sample) : SecretValue.looksRandom(sample)
        else {
            return nil
        }
        return start..<(KnownToken.end(in: text, from: start) ?? endOfValue(from: start))
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

    // MARK: looking around

    func isAfter(_ sign: StaticString) -> Bool {
        index >= sign.utf8CodeUnitCount
            && text[index - sign.utf8CodeUnitCount..<index].elementsEqual(
                UnsafeBufferPointer(start: sign.utf8Start, count: sign.utf8CodeUnitCount))
    }

    /// The first byte that is no space; `nil` at the end of the text, of the line, or if that is too far.
    func skipSpace(from start: Int) -> Int? {
        var end = start
        while end < text.count, end - start <= Self.widestSpace, isBlank(text[end]) { end += 1 }
        return end < text.count && text[end] != 0x0A && !isBlank(text[end]) ? end : nil
    }

    /// The name that ends here.
    func name(endingAt last: Int) -> ArraySlice<UInt8> {
        let end = max(0, last)
        var start = end
        while start > 0, end - start < SecretName.longest, isOfName(text[start - 1]) { start -= 1 }
        return text[start..<end]
    }

    static let valueEnds = ByteSet("&,;})] \t\n\r'\"<")

    func sample(from start: Int) -> ArraySlice<UInt8> {
        text[start...].prefix(Self.horizon).prefix { !Self.valueEnds.contains($0) }
    }

    func endOfValue(from start: Int) -> Int {
        text[start...].firstIndex { Self.valueEnds.contains($0) } ?? text.count
    }

    func endOfLine(from start: Int) -> Int { text[start...].firstIndex(of: 0x0A) ?? text.count }

    func byte(_ index: Int) -> UInt8 { index >= 0 && index < text.count ? text[index] : 0x20 }
}
