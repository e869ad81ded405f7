private import SystemSupport

/// Writes a command line for others to read.
enum CommandText {
    private static let limit = 1024
    /// What is looked at of a word: a word may be a program of many KiB.
    private static let longestWord = 4096

    /// The words in one line, cut at 1 KiB, with what looks like a secret replaced: the value of `--token`, `--apiKey=…`, `HF_TOKEN=…`,
    /// and what `SecretText` finds inside a word.
    static func redacted(_ words: [String]) -> String {
        var shown: [String] = []
        var hidesNext = false
        for word in words {
            if hidesNext && !word.hasPrefix("--") {
                // `--auth Bearer X`: the scheme is none.
                hidesNext = SecretText.isScheme(word)
                shown.append(hidesNext ? word : SecretText.replacement)
                continue
            }
            let name = word.last == ":" ? word.dropLast() : word[...]
            hidesNext =
                SecretText.isScheme(word)
                || (word.hasPrefix("-") || name.count < word.count) && !word.contains("=") && SecretText.isName(name)
            shown.append(SecretText.hidden(in: String(word.unicodeScalars.prefix(longestWord)), isWord: true))
        }
        return cut(shown.joined(separator: " "))
    }

    private static func cut(_ text: String) -> String {
        let line = TerminalText.line(String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 }))
        guard line.utf8.count > limit else { return line }
        return String(decoding: line.utf8.prefix(limit), as: UTF8.self) + "…"
    }
}
