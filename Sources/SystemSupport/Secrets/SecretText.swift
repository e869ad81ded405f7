/// Finds what looks like a secret in a text, and hides it: the values of names such as `token` or `apiKey`, in any of the forms `name=value`,
/// `--name value`, `"name": "value"`, a header or a URL's query; the password of a URL; what stands after `Bearer`; private keys; and tokens
/// of well-known shapes. Colours, invisible characters, percent signs and written escapes don't keep it from seeing them.
///
/// Rules cannot know every secret: one without a name and a known shape stays. The time is proportional to the text, whatever is in it.
package enum SecretText {
    package static let replacement = "[redacted]"

    /// - Parameter isWord: whether the text is one word of a command line, which then ends a value, and not a space or a comma.
    package static func hidden(in text: String, isWord: Bool = false) -> String {
        let bytes = Array(text.utf8)
        let plain = PlainBytes(bytes)
        var scanner = SecretScanner(plain.bytes, isWord: isWord)
        let secrets = scanner.secrets()
        guard !secrets.isEmpty else { return text }
        var shown: [UInt8] = []
        var copied = 0
        for secret in secrets {
            let place = plain.place(of: secret)
            shown += bytes[copied..<max(copied, place.lowerBound)]
            shown += replacement.utf8
            copied = max(copied, place.upperBound)
        }
        shown += bytes[copied...]
        return String(decoding: shown, as: UTF8.self)
    }

    /// A value that has a name: all of it is hidden if that is a secret's, otherwise what looks like a secret in it.
    package static func hidden(in text: String, named name: Substring) -> String {
        isValue(text, of: name) ? replacement : hidden(in: text)
    }

    /// A field for people, in one line: without secrets, and without what a terminal could take for a command.
    package static func line(_ text: String, limit: Int = TerminalText.longestField) -> String {
        // Of a long text, what is cut off anyway need not be looked at; a secret at the cut is still seen as one.
        let head = text.utf8.count > 2 * limit ? String(decoding: text.utf8.prefix(2 * limit), as: UTF8.self) : text
        return TerminalText.line(hidden(in: head), limit: limit)
    }

    /// The same for the value of a name.
    package static func line(_ text: String, of name: String) -> String {
        isUnmistakable(name[...]) && isValue(text, of: name[...]) ? replacement : line(text)
    }

    /// Whether a name is one for secrets: `hf_token` and `accessToken` are; `tokenizer`, `max-tokens` and `token-file` are not.
    package static func isName(_ name: Substring) -> Bool {
        SecretName.certainty(Array(name.utf8.suffix(SecretName.longest))[...]) != nil
    }

    /// Whether a name has no other meaning, not even in a sentence: `Authorization`.
    package static func isUnmistakable(_ name: Substring) -> Bool {
        let bytes = Array(name.utf8.suffix(SecretName.longest))[...]
        return SecretName.certainty(bytes) == .strong && !SecretName.isOrdinary(bytes)
    }

    /// Whether what has this name is a secret, as in a dictionary.
    package static func isValue(_ text: String, of name: Substring) -> Bool {
        let nameBytes = Array(name.utf8.suffix(SecretName.longest))
        guard let certainty = SecretName.certainty(nameBytes[...]) else { return false }
        let plain = PlainBytes(Array(text.utf8.prefix(SecretScanner.horizon))).bytes
        let value = plain[...].drop { $0 == 0x20 }
        guard SecretValue.isWorthHiding(value, name: nameBytes[...]) else { return false }
        return certainty == .strong || SecretValue.looksSecret(value)
    }

    /// Whether the secret may stand behind this word: `Bearer`, `Basic`.
    package static func isScheme(_ word: String) -> Bool { SecretValue.isScheme(Array(word.utf8.prefix(32))[...]) }

    /// Whether several values may follow a name: `--api-keys X Y`.
    package static func isPlural(_ name: Substring) -> Bool {
        SecretName.isPlural(Array(name.utf8.suffix(SecretName.longest))[...])
    }

    /// Whether a word is random rather than one of a language, whatever it is called.
    package static func looksRandom(_ word: String) -> Bool {
        SecretValue.looksRandom(Array(word.utf8.prefix(SecretScanner.horizon))[...])
    }

    /// Whether a sentence goes on with this word, rather than a value.
    package static func beginsSentence(_ word: String) -> Bool {
        SecretValue.beginsSentence(Array(word.utf8.prefix(32))[...])
    }

    /// Whether a word can be a secret of this name at all: `--tokens 5` has none.
    package static func isWorthHiding(_ word: String, of name: Substring) -> Bool {
        SecretValue.isWorthHiding(
            Array(word.utf8.prefix(SecretScanner.horizon))[...], name: Array(name.utf8.suffix(SecretName.longest))[...])
    }
}
