private import SystemSupport

/// Writes a command line for others to read.
enum CommandText {
    private static let limit = 1024
    /// What is looked at of a word: a word may be a program of many KiB.
    private static let longestWord = 4096

    /// The words in one line, cut at 1 KiB, with what looks like a secret replaced: the value of `--token`, `--apiKey=…`, `HF_TOKEN=…`,
    /// `curl -u …`, and what `SecretText` finds inside a word.
    static func redacted(_ words: [String]) -> String {
        var reader = CommandReader()
        return cut(words.map { reader.shown(String($0.unicodeScalars.prefix(longestWord))) }.joined(separator: " "))
    }

    private static func cut(_ text: String) -> String {
        let line = TerminalText.line(String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 }))
        guard line.utf8.count > limit else { return line }
        return String(decoding: line.utf8.prefix(limit), as: UTF8.self) + "…"
    }
}

/// Goes over the words of a command line, from left to right.
private struct CommandReader {
    private enum Next {
        /// The next word is like others.
        case any
        /// The next word is the value of this name; after the first one, what follows is if it looks like it.
        case value(name: Substring, isFirst: Bool)
        /// The next word is what a flag of a well-known program takes.
        case flag(SecretFlags.Match)
    }

    private var next = Next.any
    private var flags: SecretFlags?
    private var subcommands: Set<String> = []

    mutating func shown(_ word: String) -> String {
        switch next {
        case .any: break
        case .flag(let match):
            next = .any
            return hidden(match, in: word, from: 0)
        case .value(_, isFirst: true) where word.isEmpty: return word
        case .value(let name, let isFirst):
            next = .any
            // `--auth Bearer X`: the scheme is none.
            let isScheme = isFirst && SecretText.isScheme(word)
            if isScheme || isValue(word, of: name, isFirst: isFirst) {
                if isScheme || SecretText.isPlural(name) { next = .value(name: name, isFirst: isScheme) }
                return isScheme ? word : SecretText.replacement
            }
        }
        return other(word)
    }

    private func isValue(_ word: String, of name: Substring, isFirst: Bool) -> Bool {
        if SecretText.looksRandom(word) { return true }
        return isFirst && !word.hasPrefix("--") && !SecretText.beginsSentence(word)
            && SecretText.isWorthHiding(word, of: name)
    }

    private mutating func other(_ word: String) -> String {
        if let flags = SecretFlags.of(program: Array(word.utf8.suffix(64))[...]) {
            self.flags = flags
            subcommands = []
        }
        if let flags, word.hasPrefix("-"), flags.subcommand.map(subcommands.contains) ?? true,
            let match = flags.match(Array(word.utf8)[...])
        {
            if let start = match.valueStart { return hidden(match, in: word, from: start) }
            next = .flag(match)
            return word
        }
        if subcommands.count < 16 { subcommands.insert(String(word.prefix(16))) }
        let name = word.last == ":" ? word.dropLast() : word[...]
        let isOption = word.hasPrefix("-") || name.count < word.count && SecretText.isUnmistakable(name)
        if word.lowercased() == "bearer" {
            next = .value(name: name, isFirst: true)
        } else if SecretText.isName(name), !name.contains(where: { $0 == "=" || $0 == "/" || $0.isWhitespace }) {
            // A word that is only called like a secret has one behind it if that looks random.
            next = .value(name: name, isFirst: isOption)
        }
        return SecretText.hidden(in: word, isWord: true)
    }

    private func hidden(_ match: SecretFlags.Match, in word: String, from start: Int) -> String {
        let bytes = Array(word.utf8)
        guard let secret = match.secret(in: bytes[start...]), !secret.isEmpty else {
            return SecretText.hidden(in: word, isWord: true)
        }
        return String(decoding: bytes[..<secret.startIndex], as: UTF8.self) + SecretText.replacement
            + String(decoding: bytes[secret.endIndex...], as: UTF8.self)
    }
}
