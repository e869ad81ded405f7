/// What may be told from a value alone.
enum SecretValue {
    /// Whether a value can be a secret at all: not empty, no word such as `true`, no structure, for tokens no number, for `PWD` no path.
    static func isWorthHiding(_ value: ArraySlice<UInt8>, name: ArraySlice<UInt8>) -> Bool {
        guard let first = value.first, !isPlaceholder(value) else { return false }
        if valuesOfSwitches.contains(lowercased(value.prefix(16))) { return false }
        if value.starts(with: SecretText.replacement.utf8.dropLast()) { return false }
        if value.allSatisfy({ $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: ".") }) { return false }
        let name = lowercased(name)
        if name.hasSuffix("pwd"), first == UInt8(ascii: "/") { return false }
        // A number of tokens, of passes.
        let isCounted =
            ["token", "key", "auth"].contains(where: name.contains)
            || ["pass", "pw", "sk", "ak", "pat"].contains(where: name.hasSuffix)
        return !isCounted || !isNumber(value)
    }

    /// `$HOME`, `${x}`, `$(cat x)`, `<token>`, `{x}`, `(x)`, `[x]`, `%s`.
    private static func isPlaceholder(_ value: ArraySlice<UInt8>) -> Bool {
        guard let first = value.first else { return true }
        if "{[(<".utf8.contains(first) { return true }
        let rest = value.dropFirst()
        if first == UInt8(ascii: "%") { return rest.count == 1 }
        guard first == UInt8(ascii: "$"), let second = rest.first else { return first == UInt8(ascii: "$") }
        return "{(".utf8.contains(second) || rest.allSatisfy { isPlain($0) || $0 == UInt8(ascii: "_") }
    }

    private static let valuesOfSwitches: Set<String> = [
        "true", "false", "none", "null", "nil", "yes", "no", "0", "1", "unset", "enabled", "disabled", "undefined",
        "missing",
        "required", "optional", "invalid", "expired", "ok", "on", "off", "empty", "str", "bytes", "string", "int",
        "float",
        "bool", "any", "self", "default",
    ]

    /// `4096`, `3e9`, `18,233.1`, `12k`, `3/5`, `95%`, `1.5ms`.
    static func isNumber(_ value: ArraySlice<UInt8>) -> Bool {
        guard let first = value.first, isDigit(first) || "-+.".utf8.contains(first) else { return false }
        let unit = value.drop { isDigit($0) || "-+.,/_:eE".utf8.contains($0) }
        return unit.count <= 2 && value.contains(where: isDigit)
    }

    /// Whether a value looks random: letters and digits of some length.
    static func looksSecret(_ value: ArraySlice<UInt8>) -> Bool {
        let isLong =
            value.count >= 20 && value.count(where: isDigit) >= 3 && value.contains { isPlain($0) && !isDigit($0) }
            && !value.contains { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }
        return isLong || looksRandom(value)
    }

    /// Whether a word is none of a language, and no version, path or number: it changes between small letters, capitals and digits again
    /// and again, or it is base64 or a long number in hexadecimal.
    static func looksRandom(_ value: ArraySlice<UInt8>) -> Bool {
        guard value.count >= 12 else { return false }
        var (changes, letters, digits, last) = (0, 0, 0, 0)
        for byte in value {
            let kind = isDigit(byte) ? 1 : isLower(byte) ? 2 : isUpper(byte) ? 3 : 0
            guard kind > 0 || "+/=_-.~!@#$%^*".utf8.contains(byte) else { return false }
            if byte == UInt8(ascii: "/") || byte == UInt8(ascii: "."), value.count < 30 { return false }
            if kind == 1 { digits += 1 } else if kind > 1 { letters += 1 }
            // A capital that begins a word is none.
            if last > 0, kind > 0, kind != last, !(last == 3 && kind == 2) { changes += 1 }
            last = kind
        }
        guard letters >= 3, digits >= 2 || changes >= 4 else { return false }
        return changes >= 4 && changes * 6 >= value.count || value.count >= 24 && value.allSatisfy(isHexadecimal)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "f"))
    }

    /// Whether a sentence goes on with this word: `--token is required`.
    static func isOrdinaryWord(_ word: ArraySlice<UInt8>) -> Bool {
        ordinaryWords.contains(lowercased(word.prefix(16)))
    }

    private static let ordinaryWords: Set<String> = [
        "is", "was", "are", "to", "or", "and", "must", "may", "can", "in", "for", "not", "needs", "requires", "flag",
        "option", "argument", "instead", "with", "the", "a", "an", "if", "as", "from", "on", "has", "when", "token",
        "tokens",
        "auth", "authentication",
    ]

    /// Whether this begins what an error says about a name: `password: file cannot be read`.
    static func beginsSentence(_ word: ArraySlice<UInt8>) -> Bool {
        isOrdinaryWord(word) || sentenceWords.contains(lowercased(word.prefix(16)))
    }

    private static let sentenceWords: Set<String> = [
        "file", "no", "permission", "cannot", "can't", "expected", "missing", "could", "too", "operation", "input",
        "wrong",
        "bad", "incorrect", "access", "connection", "denied", "failed", "expired", "unknown", "directory", "read-only",
        "it", "this", "please", "value", "field", "should", "does", "unable", "error", "found", "got", "empty",
        "invalid",
        "required", "unsupported", "unexpected", "only", "there", "some", "at", "be", "here", "line", "cannot:",
        "device",
        "resource", "broken", "use", "given", "you", "your", "we", "but", "stale", "text", "key", "keys", "name", "set",
        "unset",
        "try", "again", "mismatch", "check", "see", "provide", "rejected", "refused", "ignored", "used", "using",
        "loaded", "loading",
        "reading", "updated", "changed", "deleted", "created", "hidden", "unavailable", "mounted", "read", "written",
        "off", "on",
    ]

    /// Whether credentials may follow this word.
    static func isScheme(_ word: ArraySlice<UInt8>) -> Bool {
        word.count <= 16 && schemes.contains(lowercased(word))
    }

    private static let schemes: Set<String> = [
        "bearer", "basic", "token", "digest", "negotiate", "ntlm", "apikey", "api-key", "aws4-hmac-sha256", "hmac",
        "jwt", "key",
        "genie-key", "sso-key", "hawk", "scram-sha-256", "discogs", "bot", "oauth", "mac", "snowflake", "splunk",
    ]

    static func lowercased(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self).lowercased() }
}
