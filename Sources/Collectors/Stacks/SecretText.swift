/// Finds what looks like a secret in a text, and hides it: the values of names such as `token` or `apiKey`, in any of the forms `name=value`,
/// `"name": "value"`, a header or a URL's query; the password of a URL; what stands after `Bearer`; and tokens of well-known shapes.
///
/// Rules cannot know every secret: one without a name and a known shape stays.
enum SecretText {
    static let replacement = "[redacted]"

    static func hidden(in text: String) -> String {
        var scanner = SecretScanner(text)
        return scanner.hidden()
    }

    /// Whether a name is one for secrets: `hf_token` and `accessToken` are; `tokenizer`, `max-tokens` and `token-file` are not.
    static func isName(_ name: Substring) -> Bool {
        let words = words(of: name.unicodeScalars.suffix(64))
        guard let last = words.last, !harmlessEnds.contains(last) else { return false }
        if last == "token", words.contains(where: { specialTokens.contains($0) }) { return false }
        return words.contains { secretWords.contains($0) } || last == "keys" && words.contains("api")
    }

    static func isScheme(_ word: String) -> Bool { word.lowercased() == "bearer" }

    private static let secretWords: Set<String> = [
        "token", "password", "passwd", "passphrase", "pwd", "secret", "secrets", "key", "apikey", "credential",
        "credentials", "auth",
        "authorization", "bearer", "accesstoken", "authtoken", "hftoken", "secretkey", "accesskey", "privatekey",
        "cookie",
    ]
    /// With these at its end a name means something about a secret, or no secret at all: `--token-file`, `--pad-token-id`, `--key-dim`.
    private static let harmlessEnds: Set<String> = [
        "file", "path", "dir", "directory", "folder", "name", "id", "ids", "type", "len", "length", "size", "count",
        "limit", "index",
        "dim", "mask", "heads", "padding",
    ]
    /// A language model's own tokens: `--eos-token </s>`.
    private static let specialTokens: Set<String> = [
        "eos", "bos", "pad", "unk", "mask", "sep", "cls", "image", "special",
    ]

    /// The words of `hf_token`, `accessToken`, `APIKey` and `X-Api-Key`, in lower case.
    private static func words(of name: Substring.UnicodeScalarView.SubSequence) -> [String] {
        let scalars = Array(name)
        var words: [String] = []
        var word = ""
        for (index, scalar) in scalars.enumerated() {
            guard scalar.properties.isAlphabetic else {
                if !word.isEmpty { words.append(word) }
                word = ""
                continue
            }
            let isUpper = scalar.properties.isUppercase
            let followsLower = index > 0 && scalars[index - 1].properties.isLowercase
            let startsWord =
                index > 0 && scalars[index - 1].properties.isUppercase && index + 1 < scalars.count
                && scalars[index + 1].properties.isLowercase
            if isUpper, followsLower || startsWord, !word.isEmpty {
                words.append(word)
                word = ""
            }
            word += scalar.properties.lowercaseMapping
        }
        if !word.isEmpty { words.append(word) }
        return words
    }
}

/// Goes over one text, from left to right.
private struct SecretScanner {
    private let text: [Unicode.Scalar]
    private var output = String.UnicodeScalarView()
    private var index = 0

    private static let endOfValue: Set<Unicode.Scalar> = [
        "&", ",", ";", "}", ")", "]", " ", "\t", "\n", "\r", "'", "\"",
    ]

    init(_ text: String) {
        self.text = Array(text.unicodeScalars)
    }

    mutating func hidden() -> String {
        while index < text.count {
            if let end = endOfKnownToken() ?? endOfUserInfo() {
                hide(from: index, to: end)
            } else if let value = valueAfterBearer() ?? valueAfterName() {
                hide(from: value.lowerBound, to: value.upperBound)
            } else {
                output.append(text[index])
                index += 1
            }
        }
        return String(output)
    }

    private mutating func hide(from start: Int, to end: Int) {
        output.append(contentsOf: text[index..<start])
        output.append(contentsOf: SecretText.replacement.unicodeScalars)
        index = end
    }

    // MARK: What can begin here

    /// Prefix, least length of the rest, and whether the rest is letters and digits only.
    private static let shapes: [(prefix: [Unicode.Scalar], least: Int, isPlain: Bool)] = [
        ("hf_", 30, true), ("ghp_", 30, true), ("gho_", 30, true), ("ghu_", 30, true), ("ghs_", 30, true),
        ("ghr_", 30, true),
        ("github_pat_", 22, false), ("glpat-", 16, false), ("sk-", 20, false), ("xoxb-", 16, false),
        ("xoxp-", 16, false),
        ("AKIA", 16, true), ("ASIA", 16, true), ("AIza", 30, false), ("eyJ", 20, false),
    ].map { (Array($0.0.unicodeScalars), $0.1, $0.2) }

    private func endOfKnownToken() -> Int? {
        guard index == 0 || !Self.isPlain(text[index - 1]) else { return nil }
        for shape in Self.shapes where text[index...].starts(with: shape.prefix) {
            let start = index + shape.prefix.count
            let rest = text[start...].prefix {
                Self.isPlain($0) || !shape.isPlain && ($0 == "_" || $0 == "-" || $0 == ".")
            }
            // A name with words, such as `sk-learn-a-long-name`, has hardly a digit.
            if rest.count >= shape.least, rest.contains(where: { $0.properties.numericType != nil }) {
                return rest.endIndex
            }
        }
        return nil
    }

    /// Of `user:password` in `scheme://user:password@host`.
    private func endOfUserInfo() -> Int? {
        guard index >= 3, text[index - 3..<index].elementsEqual("://".unicodeScalars) else { return nil }
        let host = text[index...].prefix { $0 != "/" && $0 != " " && $0 != "?" && $0 != "\"" && $0 != "'" }
        guard let at = host.lastIndex(of: "@"), at > index else { return nil }
        return at
    }

    private func valueAfterBearer() -> Range<Int>? {
        let scheme = Array("bearer ".unicodeScalars)
        guard index == 0 || !Self.isPlain(text[index - 1]), text.count - index > scheme.count,
            zip(text[index...], scheme).allSatisfy({ $0.properties.lowercaseMapping == $1.properties.lowercaseMapping })
        else { return nil }
        let start = index + scheme.count
        let end = text[start...].firstIndex { Self.endOfValue.contains($0) } ?? text.count
        return start < end ? start..<end : nil
    }

    /// The value, if here is the `=` or `:` after a secret's name.
    private func valueAfterName() -> Range<Int>? {
        guard text[index] == "=" || text[index] == ":", index > 0 else { return nil }
        var end = index
        while end > 0, " '\"\\".unicodeScalars.contains(text[end - 1]) { end -= 1 }
        let isQuoted = text[end..<index].contains { $0 != " " }
        var start = end
        while start > 0, end - start < 64, Self.isOfName(text[start - 1]) { start -= 1 }
        let name = Substring(String(String.UnicodeScalarView(text[start..<end])))
        let isInQuery = start > 0 && (text[start - 1] == "?" || text[start - 1] == "&")
        let isSigned =
            isInQuery && ["sig", "signature", "x-amz-signature", "x-goog-signature"].contains(name.lowercased())
        guard isSigned || SecretText.isName(name) else { return nil }
        var value = index + 1
        if text[index] == ":", !isQuoted, !(value < text.count && text[value] == " "),
            !(start > 0 && (text[start - 1] == "{" || text[start - 1] == ",")),
            !name.lowercased().hasSuffix("authorization")
        {
            return nil
        }
        while value < text.count, text[value] == " " || text[value] == "\\" { value += 1 }
        guard value < text.count, text[value] != "=" else { return nil }
        if text[value] == "'" || text[value] == "\"" { return quoted(from: value) }
        let isWholeWord = text[..<start].allSatisfy { $0 == "-" || $0 == "+" || $0 == "~" }
        if text[index] == "=" && isWholeWord && end == index { return value..<text.count }
        if text[index] == ":" && !isQuoted {
            return
                value..<(text[value...].firstIndex { $0 == "\n" || $0 == "'" || $0 == "\"" || $0 == "}" } ?? text.count)
        }
        let valueEnd = text[value...].firstIndex { Self.endOfValue.contains($0) } ?? text.count
        return value < valueEnd ? value..<valueEnd : nil
    }

    /// What stands between this quote and the next of its kind; to the end without one.
    private func quoted(from quote: Int) -> Range<Int>? {
        let isEscaped = text[quote - 1] == "\\"
        let start = quote + 1
        var end = start
        while end < text.count, text[end] != text[quote] || (text[end - 1] == "\\") != isEscaped { end += 1 }
        if isEscaped, end < text.count { end -= 1 }
        return start < end ? start..<end : nil
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
    }

    private static func isOfName(_ scalar: Unicode.Scalar) -> Bool {
        isPlain(scalar) || scalar == "_" || scalar == "-" || scalar == "."
    }
}
