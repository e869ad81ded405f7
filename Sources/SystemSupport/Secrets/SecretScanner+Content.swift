/// What a value consists of: quotes, brackets, calls, the lines of a YAML block.
extension SecretScanner {
    /// Where the value begins, behind its quote and what may stand before that: `b'`, `SecretStr('`; `nil` for an open bracket.
    func startOfValue(from value: Int) -> Int? {
        if isQuote(text[value]) { return value + 1 }
        let head = text[value...].prefix(24).prefix { isOfName($0) }
        let next = byte(head.endIndex)
        if isQuote(next), head.count <= 2, head.allSatisfy({ "bBrRuUfF".utf8.contains($0) }) {
            return head.endIndex + 1
        }
        if let inner = quoteInCall(head) { return inner + 1 }
        // `!secret value`
        if text[value] == UInt8(ascii: "!"), head.isEmpty, let space = text[value...].prefix(24).firstIndex(of: 0x20),
            let start = skipSpace(from: space)
        {
            return isQuote(text[start]) ? start + 1 : start
        }
        return "[(".utf8.contains(text[value]) ? nil : value
    }

    /// The quote in `SecretStr('value')`, but not in `getenv('TOKEN')`.
    func quoteInCall(_ head: ArraySlice<UInt8>) -> Int? {
        guard !head.isEmpty, byte(head.endIndex) == UInt8(ascii: "("), head.endIndex + 1 < text.count else {
            return nil
        }
        let quote = text[(head.endIndex + 1)...].prefix(3).prefix { isBlank($0) || "bBrRuUfF".utf8.contains($0) }
            .endIndex
        guard isQuote(byte(quote)) else { return nil }
        let content = text[(quote + 1)...].prefix(SecretName.longest).prefix { $0 != text[quote] }
        return content.allSatisfy(isOfName) && SecretName.certainty(content) != nil && !SecretValue.looksRandom(content)
            ? nil : quote
    }

    /// `self.get_token(name)`, `tokens[0]`, `os.environ["API_KEY"]`: what a program says, not what it has.
    func isExpression(_ value: Int) -> Bool {
        let head = text[value...].prefix(Self.horizon).prefix { isOfName($0) && !isDigit($0) }
        let open = byte(head.endIndex)
        guard !head.isEmpty, open == UInt8(ascii: "(") || open == UInt8(ascii: "["), quoteInCall(head) == nil else {
            return false
        }
        let close = open == UInt8(ascii: "(") ? UInt8(ascii: ")") : UInt8(ascii: "]")
        return text[head.endIndex...].prefix(Self.horizon).prefix { $0 != 0x0A }.contains(close)
    }

    /// What is between brackets, if it has something that can be a secret.
    func list(from open: Int, of name: Name) -> Range<Int>? {
        let items = text[(open + 1)...].prefix(4 * Self.horizon).prefix {
            $0 != UInt8(ascii: "]") && $0 != UInt8(ascii: ")") && $0 != 0x0A
        }
        guard !text[open...].starts(with: SecretText.replacement.utf8) else { return nil }
        let isSurely = name.certainty == .strong && !SecretName.isOrdinary(name.bytes)
        let hasSecret = items.split(separator: UInt8(ascii: ",")).contains { item in
            let first = item.drop { isBlank($0) || isQuote($0) || $0 == UInt8(ascii: "\\") }
            let isPrefixed = first.dropFirst().first.map(isQuote) ?? false
            let word = (isPrefixed ? first.dropFirst(2) : first).prefix { !Self.valueEnds.contains($0) }
            return SecretValue.isWorthHiding(word, name: name.bytes) && !SecretValue.beginsSentence(word)
                && !SecretValue.isNumber(word)
                && (isSurely || SecretValue.looksSecret(word))
        }
        return hasSecret ? open + 1..<items.endIndex : nil
    }

    /// A YAML value on the lines below its name: `password: |`, `api_keys:\n  - X`.
    func block(of name: ArraySlice<UInt8>, from start: Int) -> Range<Int>? {
        let head = text[start...].prefix(8).prefix { $0 != 0x0A }
        guard head.endIndex < text.count, text[head.endIndex] == 0x0A,
            head.allSatisfy({ "|>+-123456789 ".utf8.contains($0) })
        else { return nil }
        func indent(_ line: Int) -> Int {
            text[line...].prefix(Self.widestSpace).prefix { $0 == 0x20 || $0 == 0x09 }.count
        }
        var nameLine = name.startIndex
        while nameLine > 0, name.startIndex - nameLine < Self.widestSpace, text[nameLine - 1] != 0x0A { nameLine -= 1 }
        let first = head.endIndex + 1
        guard first < text.count, indent(first) > indent(nameLine) else { return nil }
        let depth = indent(first)
        var content = first + depth
        if text[content...].starts(with: "- ".utf8) { content += 2 }
        let sample = text[content...].prefix(Self.horizon).prefix { $0 != 0x0A }
        let value = sample.drop(while: isQuote)
        let isMapping =
            head.isEmpty
            && (sample.last == UInt8(ascii: ":")
                || zip(sample, sample.dropFirst()).contains { $0 == UInt8(ascii: ":") && $1 == 0x20 })
        guard !isMapping, SecretName.certainty(name) == .strong, SecretValue.isWorthHiding(value, name: name),
            !SecretName.isOrdinary(name) || beginsLine(name.startIndex) || SecretValue.looksSecret(value)
        else { return nil }
        var end = endOfLine(from: content)
        while end + 1 < text.count, indent(end + 1) >= depth { end = endOfLine(from: end + 1 + depth) }
        return content..<end
    }

    /// Where the credentials begin, if a scheme stands before them.
    func schemeEnd(_ sample: ArraySlice<UInt8>) -> Int? {
        let word = sample.prefix { !isBlank($0) }
        guard SecretValue.isScheme(word), let next = skipSpace(from: word.endIndex), next > word.endIndex,
            !self.sample(from: next).isEmpty,
            !SecretValue.beginsSentence(self.sample(from: next)), text[next] != UInt8(ascii: "-")
        else { return nil }
        return next
    }

    /// Whether what follows a colon without a space is a value: `X-Token:abc`, but not `registry/token:latest` or `auth_token.py:refresh:45`.
    func isJoinedValue(_ sample: ArraySlice<UInt8>, end: Int, name: Name) -> Bool {
        name.certainty == .strong && !SecretName.isOrdinary(name.bytes) && !SecretValue.isNumber(sample)
            && !sample.contains(UInt8(ascii: ":")) && sample.first != UInt8(ascii: "/")
    }

    func quotedSample(from start: Int) -> ArraySlice<UInt8> {
        let sign = text[start - 1]
        let isTriple = byte(start) == sign && byte(start + 1) == sign
        return text[(isTriple ? start + 2 : start)...].prefix(Self.horizon).prefix {
            $0 != sign && (isTriple || $0 != 0x0A)
        }
    }

    /// What stands between this quote and the next of its kind; without one, to the end of the line.
    func quoted(from quote: Int) -> Range<Int>? {
        let sign = text[quote]
        let isEscaped = byte(quote - 1) == UInt8(ascii: "\\")
        var start = quote + 1
        let isTriple = !isEscaped && byte(start) == sign && byte(start + 1) == sign
        if isTriple { start += 2 }
        var end = start
        while end < text.count {
            if text[end] == sign, (byte(end - 1) == UInt8(ascii: "\\")) == isEscaped || end == start && !isEscaped {
                if !isTriple || byte(end + 1) == sign && byte(end + 2) == sign { break }
            }
            end += 1
        }
        if end == text.count, !isTriple { end = endOfLine(from: start) }
        if isEscaped, end < text.count, text[end] == sign { end -= 1 }
        return start < end ? start..<end : nil
    }
}
