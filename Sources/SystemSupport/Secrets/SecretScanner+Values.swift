extension SecretScanner {
    /// Whether a value can be a secret at all: not empty, no word such as `true`, no structure, for tokens no number, for `PWD` no path.
    func isWorthHiding(_ value: ArraySlice<UInt8>, name: String) -> Bool {
        guard let first = value.first, !"{[(<$".utf8.contains(first) else { return false }
        if Self.valuesOfSwitches.contains(String(decoding: value.prefix(16), as: UTF8.self).lowercased()) {
            return false
        }
        if value.starts(with: SecretText.replacement.utf8.dropLast()) || value.allSatisfy({ $0 == UInt8(ascii: "*") }) {
            return false
        }
        if name.hasSuffix("pwd"), first == UInt8(ascii: "/") { return false }
        // A number of tokens.
        return !(name.contains("token") || name.contains("key"))
            || !value.allSatisfy { isDigit($0) || $0 == UInt8(ascii: ".") }
    }

    private static let valuesOfSwitches: Set<String> = [
        "true", "false", "none", "null", "nil", "yes", "no", "0", "1", "unset",
    ]

    /// Whether a value looks random: letters and digits of some length.
    func looksSecret(_ value: ArraySlice<UInt8>) -> Bool {
        value.count >= 20 && value.count(where: isDigit) >= 3 && value.contains { isPlain($0) && !isDigit($0) }
            && !value.contains { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") }
    }

    /// Whether a sentence goes on with this word: `--token is required`.
    func isOrdinaryWord(_ word: ArraySlice<UInt8>) -> Bool {
        Self.ordinaryWords.contains(String(decoding: word.prefix(12), as: UTF8.self).lowercased())
    }

    private static let ordinaryWords: Set<String> = [
        "is", "was", "are", "to", "or", "and", "must", "may", "can", "in", "for", "not", "needs", "requires", "flag",
        "option",
        "argument", "instead", "with", "the", "a", "an", "if", "as", "from", "on", "has", "when", "token", "tokens",
        "auth",
        "authentication",
    ]

    func isPlain(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
    }

    func isOfName(_ byte: UInt8) -> Bool {
        isPlain(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
    func isQuote(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") }
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D }
    /// What may stand between a name and its sign.
    func isPadding(_ byte: UInt8) -> Bool { byte == 0x20 || isQuote(byte) || byte == UInt8(ascii: "\\") }
}

/// Some of the ASCII characters.
struct ByteSet {
    private let members: [Bool]

    init(_ characters: String) {
        let bytes = Set(characters.utf8)
        members = (0...UInt8.max).map { bytes.contains($0) }
    }

    func contains(_ byte: UInt8) -> Bool { members[Int(byte)] }
}

/// Tokens that are known by their shape, whatever name they have.
enum KnownToken {
    /// Prefix, least length of the rest, and whether the rest is letters and digits only. From the issuers' own documents.
    private static let shapes: [(prefix: [UInt8], least: Int, isPlain: Bool)] = [
        ("hf_", 30, true), ("api_org_", 30, true), ("ghp_", 30, true), ("gho_", 30, true), ("ghu_", 30, true),
        ("ghs_", 30, true), ("ghr_", 30, true), ("github_pat_", 22, false), ("glpat-", 16, false), ("sk-", 20, false),
        ("sk_live_", 16, false), ("xoxa-", 16, false), ("xoxb-", 16, false), ("xoxp-", 16, false), ("xoxr-", 16, false),
        ("xoxs-", 16, false), ("xapp-", 16, false), ("AKIA", 16, true), ("ASIA", 16, true), ("AIza", 30, false),
        ("ya29.", 20, false), ("eyJ", 20, false), ("nvapi-", 20, false), ("npm_", 30, true), ("pypi-", 30, false),
        ("dop_v1_", 30, true), ("wandb_v1_", 20, false), ("r8_", 30, true),
    ].map { (Array($0.0.utf8), $0.1, $0.2) }
    private static let firstBytes = ByteSet(String(decoding: shapes.map { $0.prefix[0] }, as: UTF8.self))
    /// Within how many bytes of a token there is a digit: a name with words, such as `sk-learn-a-long-name`, has hardly one.
    private static let digitHorizon = 64

    /// The end of the token that begins here, if one does.
    static func end(in text: [UInt8], from index: Int) -> Int? {
        guard firstBytes.contains(text[index]) else { return endOfWandBKey(in: text, from: index) }
        for shape in shapes where text[index...].starts(with: shape.prefix) {
            let start = index + shape.prefix.count
            func isPart(_ byte: UInt8) -> Bool {
                isAlphanumeric(byte) || !shape.isPlain && "_-.".utf8.contains(byte)
            }
            let head = text[start...].prefix(digitHorizon).prefix(while: isPart)
            guard head.count >= shape.least, head.contains(where: { $0 < 0x3A && $0 >= 0x30 }) else { continue }
            // Any JSON in base64 begins like that, DeepSpeed's --world_info for example; a web token's first part ends with a dot.
            let first = text[start...].prefix(512).prefix(while: isPart)
            guard shape.prefix != Array("eyJ".utf8) || first.contains(UInt8(ascii: ".")) else { continue }
            return text[start...].firstIndex { !isPart($0) } ?? text.count
        }
        return endOfWandBKey(in: text, from: index)
    }

    private static let login = Array("wandb login ".utf8)

    /// 40 hexadecimal digits after `wandb login`, perhaps with a flag between.
    private static func endOfWandBKey(in text: [UInt8], from index: Int) -> Int? {
        guard index >= login.count, text[index - 1] == 0x20, isHexadecimal(text[index]) else { return nil }
        let digits = text[index...].prefix(41).prefix(while: isHexadecimal)
        guard digits.count == 40 else { return nil }
        let before = text[max(0, index - 40)..<index]
        return before.indices.contains { before[$0...].starts(with: login) } ? digits.endIndex : nil
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (byte >= 0x30 && byte < 0x3A) || (byte >= 0x61 && byte < 0x67)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (byte >= 0x30 && byte < 0x3A) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
    }
}
