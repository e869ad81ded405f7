/// Values that follow their name without a sign: `--token value`, `curl -u user:value`, `HF_TOKEN value`.
extension SecretScanner {
    /// The value of `--token x`, `'--token', 'x'`.
    func valueAfterOption() -> Range<Int>? {
        guard index == 0 || isSpace(text[index - 1]) || isQuote(text[index - 1]) || text[index - 1] == UInt8(ascii: "[")
        else { return nil }
        let start = text[index...].prefix(2).prefix { $0 == UInt8(ascii: "-") }.endIndex
        let name = text[start...].prefix(SecretName.longest).prefix(while: isOfName)
        guard !name.isEmpty, name.endIndex < text.count, let certainty = SecretName.certainty(name),
            let value = valueAfterSpace(from: name.endIndex)
        else { return nil }
        var sample = sample(from: value)
        var last = value
        if SecretValue.isScheme(sample), let next = skipSpace(from: sample.endIndex), next > sample.endIndex {
            sample = self.sample(from: next)
            last = next
        }
        guard let first = sample.first, first != UInt8(ascii: "-") || SecretValue.looksRandom(sample),
            SecretValue.isWorthHiding(sample, name: name), !SecretValue.isOrdinaryWord(sample),
            !text[name.endIndex..<value].contains(UInt8(ascii: ",")) || isQuote(text[value - 1]),
            !isMetavariable(sample), certainty == .strong || SecretValue.looksSecret(sample) || start - index == 2
        else { return nil }
        let end = end(of: last, from: value)
        return value..<(SecretName.isPlural(name) ? endOfMore(from: end) : end)
    }

    /// `PATH` in `[--token PATH]`.
    private func isMetavariable(_ word: ArraySlice<UInt8>) -> Bool {
        byte(index - 1) == UInt8(ascii: "[") && byte(word.endIndex) == UInt8(ascii: "]")
            && word.allSatisfy { isUpper($0) || $0 == UInt8(ascii: "_") }
    }

    /// Further values of an option that takes several: `--api-keys X Y`.
    private func endOfMore(from end: Int) -> Int {
        var end = end
        while let next = valueAfterSpace(from: end), next > end {
            let word = sample(from: next)
            guard SecretValue.looksRandom(word) else { break }
            end = self.end(of: next, from: next)
        }
        return end
    }

    private func end(of value: Int, from start: Int) -> Int {
        let isQuoted = start > 0 && isQuote(text[start - 1])
        var end = value
        while end < text.count, isQuoted ? text[end] != text[start - 1] : !isSpace(text[end]) && !isQuote(text[end]) {
            end += 1
        }
        return end
    }

    private func valueAfterSpace(from start: Int) -> Int? {
        var value = start
        while value < text.count, value - start < Self.widestSpace, Self.separators.contains(text[value]) { value += 1 }
        return value < text.count && text[start..<value].contains { isBlank($0) || $0 == UInt8(ascii: ",") }
            ? value : nil
    }

    private static let separators = ByteSet("'\", \t")

    /// The value of a program's own flag: `curl -u user:value`, `sshpass -p value`, `mysql -pvalue`.
    func valueAfterFlag() -> Range<Int>? {
        guard index > 0, isSpace(text[index - 1]) || isQuote(text[index - 1]) else { return nil }
        let flag = text[index...].prefix(24).prefix { isOfName($0) }
        guard flag.count >= 2, SecretFlags.mayBe(flag) else { return nil }
        var line = text[..<index].suffix(Self.horizon)
        if let end = line.lastIndex(of: 0x0A) { line = line[(end + 1)...] }
        let words = line.split { isBlank($0) || isQuote($0) || $0 == UInt8(ascii: ",") }
        for program in words.reversed() {
            guard let kinds = SecretFlags.of(program: program) else { continue }
            guard kinds.subcommand.map({ subcommand in words.contains { $0.elementsEqual(subcommand.utf8) } }) ?? true
            else { return nil }
            let word = text[index...].prefix(4 * Self.horizon).prefix { !isSpace($0) && !isQuote($0) }
            guard let match = kinds.match(word) else { return nil }
            var value = match.valueStart
            if value == nil { value = valueAfterSpace(from: word.endIndex) }
            guard let value else { return nil }
            let end = end(of: value, from: match.valueStart == nil ? value : index)
            guard let secret = match.secret(in: text[value..<end]) else { return nil }
            return secret.isEmpty ? nil : secret.startIndex..<secret.endIndex
        }
        return nil
    }

    /// A random word after a secret's name: `HF_TOKEN abc`, `the password is "abc"`, `invalid token 'abc'`.
    func valueAfterWord() -> Range<Int>? {
        let word = sample(from: index)
        guard SecretValue.looksRandom(word) else { return nil }
        var end = index
        var isSpaced = false
        for _ in 0..<3 {
            while end > 0, index - end < Self.widestSpace,
                isBlank(text[end - 1]) || isQuote(text[end - 1]) || ":([<".utf8.contains(text[end - 1])
            {
                isSpaced = true
                end -= 1
            }
            let name = name(endingAt: end)
            guard isSpaced, !name.isEmpty else { return nil }
            if SecretName.certainty(name) == .strong || isKeyOfTwoWords(name) { return index..<endOfValue(from: index) }
            guard Self.fillers.contains(SecretValue.lowercased(name)) else { return nil }
            end = name.startIndex
        }
        return nil
    }

    private static let fillers: Set<String> = [
        "is", "was", "provided", "to", "value", "given", "of", "with", "for", "rejected",
    ]

    /// `API key`, `secret key`
    private func isKeyOfTwoWords(_ name: ArraySlice<UInt8>) -> Bool {
        guard SecretValue.lowercased(name) == "key", byte(name.startIndex - 1) == 0x20 else { return false }
        let first = self.name(endingAt: name.startIndex - 1)
        return SecretName.certainty((Array(first) + Array("_key".utf8))[...]) == .strong
    }
}
