/// Writes a command line for others to read.
enum CommandText {
    private static let limit = 1024
    private static let replacement = "[redacted]"
    private static let secretWords: Set<String> = [
        "token", "password", "passwd", "passphrase", "pwd", "secret", "secrets", "key", "apikey", "credential",
        "credentials",
        "auth", "authorization", "bearer",
    ]

    /// The words in one line, cut at 1 KiB, with what looks like a secret replaced: the value of `--token`, `--api-key=…`, `HF_TOKEN=…`,
    /// whatever stands after a name with such a word in it, and the password in a URL.
    ///
    /// A rule for names cannot know every secret: one in the middle of a `python -c` program stays.
    static func redacted(_ words: [String]) -> String {
        var shown: [String] = []
        var hidesNext = false
        for word in words {
            if hidesNext && !word.hasPrefix("--") {
                shown.append(replacement)
                hidesNext = false
                continue
            }
            hidesNext = false
            if let equals = word.firstIndex(of: "="), isSecretName(word[..<equals]) {
                shown.append(word[...equals] + replacement)
            } else {
                hidesNext = word.hasPrefix("-") && !word.contains("=") && isSecretName(word[...])
                shown.append(withoutPassword(word))
            }
        }
        return cut(shown.joined(separator: " "))
    }

    /// Whether a word of the name is one for secrets: `hf_token` is, `tokenizer` and `max-tokens` are not.
    private static func isSecretName(_ name: Substring) -> Bool {
        guard name.utf8.count <= 64 else { return false }
        return name.lowercased().split { !$0.isLetter }.contains { secretWords.contains(String($0)) }
    }

    /// Hides `user:password` of `scheme://user:password@host`.
    private static func withoutPassword(_ word: String) -> String {
        let parts = word.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let at = parts[1].prefix(while: { $0 != "/" }).lastIndex(of: "@") else { return word }
        return "\(parts[0])://\(replacement)\(parts[1][at...])"
    }

    private static func cut(_ text: String) -> String {
        let line = String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 })
        guard line.utf8.count > limit else { return line }
        return String(decoding: line.utf8.prefix(limit), as: UTF8.self) + "…"
    }
}
