/// Values that follow their name and a sign: `name=value`, `"name": "value"`, `name := value`, `<name>value</name>`.
extension SecretScanner {
    /// A secret's name before a sign.
    struct Name {
        let bytes: ArraySlice<UInt8>
        /// What stands between name and sign.
        let padding: ArraySlice<UInt8>
        let certainty: SecretName.Certainty
    }

    /// The value, if here is the `=` or `:` after a secret's name.
    func valueAfterName() -> Range<Int>? {
        let isColon = text[index] == UInt8(ascii: ":")
        if isColon, byte(index + 1) == UInt8(ascii: "=") || byte(index + 1) == UInt8(ascii: ":") { return nil }
        guard let name = nameBeforeSign() else { return nil }
        let before = byte(name.bytes.startIndex - 1)
        let isInQuery = name.isQuery(before, isColon: isColon)
        let lowerName = SecretValue.lowercased(name.bytes)
        let isHeader = isColon && (lowerName.hasSuffix("authorization") || lowerName.hasSuffix("cookie"))
        let isQuotedName = name.padding.contains { isQuote($0) || $0 == UInt8(ascii: "]") }
        let isInBraces = before == UInt8(ascii: "{") || before == UInt8(ascii: ",")
        let isProse = isColon && !isQuotedName && !isInBraces && !isInQuery

        var value = index + 1
        // `=>`
        if !isColon, byte(value) == UInt8(ascii: ">") { value += 1 }
        guard byte(value) != UInt8(ascii: "=") else { return nil }
        while value < text.count, value - index < Self.widestSpace,
            isBlank(text[value]) || text[value] == UInt8(ascii: "\\")
        {
            value += 1
        }
        let isJoined = value == index + 1
        guard value < text.count else { return nil }
        if isColon, text[value] == 0x0A || "|>".utf8.contains(text[value]),
            let block = block(of: name.bytes, from: value)
        {
            return block
        }
        guard value < text.count, let start = startOfValue(from: value) else {
            return list(from: value, of: name)
        }
        let isQuoted = isQuote(text[start - 1])
        if !isQuoted, !isWord || isColon, isExpression(value) { return nil }
        var sample = isQuoted ? quotedSample(from: start) : sample(from: start)
        let scheme = schemeEnd(sample)
        if let scheme { sample = self.sample(from: scheme) }
        guard SecretValue.isWorthHiding(sample, name: name.bytes),
            lowerName != "code" || !SecretValue.isNumber(sample)
        else { return nil }

        let looksSecret = SecretValue.looksSecret(sample)
        if isProse, !isHeader, !looksSecret {
            if isJoined, !isJoinedValue(sample, end: sample.endIndex, name: name) { return nil }
            // `/none/password: file cannot be read`, `password: no such file`
            if before == UInt8(ascii: "/") || before == UInt8(ascii: "\\") || SecretValue.beginsSentence(sample) {
                return nil
            }
        }
        // `volume "token" : secret "x" not found`
        if isColon, !isQuoted, !looksSecret, byte(sample.endIndex) == 0x20, SecretName.certainty(sample) != nil {
            return nil
        }
        if isColon, before == UInt8(ascii: "/"), !isQuoted, !looksSecret, !isJoined { return nil }
        let isGiven =
            name.certainty == .strong
            && (isHeader || !isProse || !SecretName.isOrdinary(name.bytes)
                || isQuoted && beginsLine(name.bytes.startIndex))
        guard isGiven || isInQuery || isWord && !isColon || looksSecret || scheme != nil && name.certainty == .strong
        else { return nil }

        if isQuoted { return quoted(from: start - 1) }
        if !isColon, isWord, name.bytes.startIndex <= wordStart, name.padding.isEmpty { return value..<text.count }
        if isHeader {
            return
                value..<(text[value...].firstIndex { $0 == 0x0A || isQuote($0) || $0 == UInt8(ascii: "}") }
                ?? text.count)
        }
        return value..<endOfValue(from: scheme ?? start)
    }

    /// `<password>value</password>`, `password -> value`
    func valueAfterTag() -> Range<Int>? {
        var end = index
        let isArrow = byte(index - 1) == UInt8(ascii: "-")
        if isArrow { end -= 1 }
        while isArrow, end > 0, index - end < 8, isBlank(byte(end - 1)) || isQuote(byte(end - 1)) { end -= 1 }
        guard let name = isArrow ? name(endingAt: end) : nameOfTag(), SecretName.certainty(name) == .strong,
            let value = isArrow ? skipSpace(from: index + 1) : index + 1, value < text.count
        else { return nil }
        if isArrow {
            let start = isQuote(text[value]) ? value + 1 : value
            guard SecretValue.isWorthHiding(sample(from: start), name: name) else { return nil }
            return start > value ? quoted(from: value) : value..<endOfValue(from: value)
        }
        let content = text[value...].prefix(8 * Self.horizon).prefix { $0 != UInt8(ascii: "<") }
        guard byte(content.endIndex + 1) == UInt8(ascii: "/") else { return nil }
        guard SecretValue.isWorthHiding(content.prefix(Self.horizon).drop(while: isSpace), name: name) else {
            return nil
        }
        return value..<content.endIndex
    }

    /// `password` in `<password>`, `<password hint="x">`, `<entry key="password">`.
    private func nameOfTag() -> ArraySlice<UInt8>? {
        let before = text[..<index].suffix(Self.horizon)
        guard let open = before.lastIndex(of: UInt8(ascii: "<")), !before[open...].contains(UInt8(ascii: ">")) else {
            return nil
        }
        let tag = text[(open + 1)..<index]
        let attributes = tag.split(whereSeparator: isQuote).filter { $0.allSatisfy(isOfName) }
        return ([tag.prefix(while: isOfName)] + attributes).first { SecretName.certainty($0) == .strong }
    }

    /// `('HF_TOKEN', 'value')`, `setattr(c, 'token', 'value')`
    func valueAfterQuotedName() -> Range<Int>? {
        guard isQuote(byte(index - 1)), let value = skipSpace(from: index + 1), let start = startOfValue(from: value),
            isQuote(text[start - 1])
        else { return nil }
        let name = name(endingAt: index - 1)
        guard let first = name.first, first != UInt8(ascii: "-"), isQuote(byte(name.startIndex - 1)),
            SecretName.certainty(name) == .strong
        else {
            return nil
        }
        let secret = text[start...].prefix(Self.horizon).prefix { $0 != text[start - 1] }
        var before = name.startIndex - 2
        while before > 0, "bBrRuUfF".utf8.contains(text[before]) { before -= 1 }
        let isPair =
            byte(before) == UInt8(ascii: "(")
            && byte(skipSpace(from: min(text.count, secret.endIndex + 1)) ?? -1) == UInt8(ascii: ")")
        let isWordOfLanguage = secret.allSatisfy { isLower($0) || $0 == UInt8(ascii: "_") }
        guard SecretValue.isWorthHiding(secret, name: name),
            SecretValue.looksRandom(secret) || isPair && !isWordOfLanguage
        else { return nil }
        return quoted(from: start - 1)
    }

    // MARK: the name

    private func nameBeforeSign() -> Name? {
        var end = index
        // `:=`, `"name" :`, `['name'] =`, `a[name]=`, `a[]=`
        while end > 0, index - end < Self.widestSpace,
            isPadding(text[end - 1]) || end == index && text[end - 1] == UInt8(ascii: ":")
        {
            end -= 1
        }
        let name = name(endingAt: end)
        guard !name.isEmpty else { return nil }
        let padding = text[end..<index]
        let before = byte(name.startIndex - 1)
        if let certainty = SecretName.certainty(name) {
            return Name(bytes: name, padding: padding, certainty: certainty)
        }
        let lower = SecretValue.lowercased(name)
        if "?&#".utf8.contains(before), text[index] == UInt8(ascii: "="), Self.secretsOfQueries.contains(lower) {
            return Name(bytes: name, padding: padding, certainty: .strong)
        }
        if Self.valueNames.contains(lower),
            let owner = ownerOfValue(before: name.startIndex) ?? ownerOfValue(after: index)
        {
            return Name(bytes: owner, padding: text[index..<index], certainty: .strong)
        }
        if text[index] == UInt8(ascii: "="), Self.types.contains(lower), let owner = annotated(before: name.startIndex)
        {
            return Name(bytes: owner, padding: text[index..<index], certainty: .strong)
        }
        return nil
    }

    private static let secretsOfQueries: Set<String> = [
        "sig", "signature", "x-amz-signature", "x-goog-signature", "code", "pass", "pw", "auth", "key", "k", "sk", "st",
    ]
    private static let valueNames: Set<String> = ["value", "val", "content"]
    private static let types: Set<String> = [
        "str", "bytes", "secretstr", "secretbytes", "string", "any", "none", "secret", "text", "final",
    ]

    /// What may stand between a name and its sign.
    private func isPadding(_ byte: UInt8) -> Bool {
        isBlank(byte) || isQuote(byte) || byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "]")
            || byte == UInt8(ascii: "[")
    }

    /// `HF_TOKEN` in `{"name": "HF_TOKEN", "value": …`, `- name: HF_TOKEN\n  value: …`, `{"HF_TOKEN": {"value": …`
    private func ownerOfValue(before start: Int) -> ArraySlice<UInt8>? {
        var end = start
        var isStructured = false
        while end > 0, start - end < Self.widestSpace, !isOfName(text[end - 1]) || text[end - 1] == UInt8(ascii: "-") {
            guard isSpace(text[end - 1]) || isQuote(text[end - 1]) || "{,:=\\-".utf8.contains(text[end - 1]) else {
                return nil
            }
            isStructured =
                isStructured || isQuote(text[end - 1]) || text[end - 1] == UInt8(ascii: "{") || text[end - 1] == 0x0A
            end -= 1
        }
        let name = name(endingAt: end)
        return isStructured && SecretName.certainty(name) == .strong ? name : nil
    }

    /// `HF_TOKEN` in `"value": "…", "name": "HF_TOKEN"`
    private func ownerOfValue(after start: Int) -> ArraySlice<UInt8>? {
        let object = text[start...].prefix(Self.horizon).prefix { $0 != UInt8(ascii: "}") && $0 != UInt8(ascii: "{") }
        let parts = object.split(whereSeparator: isQuote)
        for (key, name) in zip(parts, parts.dropFirst(2)) where ["name", "key"].contains(SecretValue.lowercased(key)) {
            return name.allSatisfy(isOfName) && SecretName.certainty(name) == .strong ? name : nil
        }
        return nil
    }

    /// `token` in `token: str = …`, `token: Optional[str] = …`
    private func annotated(before start: Int) -> ArraySlice<UInt8>? {
        var end = start
        while end > 0, start - end < 48, isPlain(text[end - 1]) || "[]|., ".utf8.contains(text[end - 1]) { end -= 1 }
        guard end > 0, text[end - 1] == UInt8(ascii: ":") else { return nil }
        let name = name(endingAt: end - 1)
        return SecretName.certainty(name) == .strong ? name : nil
    }

    func beginsLine(_ start: Int) -> Bool {
        var end = start
        while end > 0, isBlank(text[end - 1]) || text[end - 1] == UInt8(ascii: "-") { end -= 1 }
        return end == 0 || text[end - 1] == 0x0A
    }
}

extension SecretScanner.Name {
    fileprivate func isQuery(_ before: UInt8, isColon: Bool) -> Bool {
        !isColon && "?&".utf8.contains(before)
    }
}
