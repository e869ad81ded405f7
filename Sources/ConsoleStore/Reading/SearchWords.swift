/// What a reader searches for: words that a line must hold all of, each at the beginning of one of its words, case ignored.
///
/// Words are letters and digits, as SQLite's `unicode61` takes texts apart; what is between quotes, or `out-of-memory`, is several in a row.
struct SearchWords {
    /// Each a row of words; the last of them may go on.
    let phrases: [[[UInt8]]]
    private static let mostPhrases = 32
    private static let mostWords = 32

    init(_ query: String) {
        var phrases: [[[UInt8]]] = []
        for (index, part) in query.split(separator: "\"", omittingEmptySubsequences: false).enumerated() {
            // Every second part is between quotes.
            let pieces = index % 2 == 1 ? [part] : part.split(whereSeparator: \.isWhitespace)
            for piece in pieces {
                let words = Self.words(of: Array(piece.utf8)).map { Array($0.prefix(64)) }
                if !words.isEmpty, phrases.count < Self.mostPhrases {
                    phrases.append(Array(words.prefix(Self.mostWords)))
                }
            }
        }
        self.phrases = phrases
    }

    var isEmpty: Bool { phrases.isEmpty }

    /// For `MATCH`: every word by its beginning. Whether they stand in a row, `matches` says.
    var expression: String {
        phrases.flatMap { phrase in
            phrase.enumerated().map { index, word in
                "\"\(String(decoding: word, as: UTF8.self))\"" + (index == phrase.count - 1 ? "*" : "")
            }
        }.joined(separator: " AND ")
    }

    /// Whether a text, without escape sequences, holds all.
    func matches(_ text: UnsafeRawBufferPointer) -> Bool {
        let words = Self.words(of: Array(text))
        return phrases.allSatisfy { phrase in
            guard words.count >= phrase.count, let last = phrase.last else { return false }
            for start in 0...(words.count - phrase.count) {
                let end = start + phrase.count - 1
                guard words[end].starts(with: last) else { continue }
                if words[start..<end].elementsEqual(phrase.dropLast()) { return true }
            }
            return false
        }
    }

    /// Whether a text has what `EscapeSequences.strip` removes.
    static func needsStripping(_ text: UnsafeRawBufferPointer) -> Bool {
        text.contains { $0 == 0x1B || $0 == 0xC2 || $0 == 0x08 || $0 == 0x07 || $0 == 0x00 }
    }

    /// The words of a text in small letters.
    static func words(of text: [UInt8]) -> [[UInt8]] {
        if text.allSatisfy({ $0 < 0x80 }) {
            return text.split { !Self.isWord($0) }.map { word in
                word.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
            }
        }
        var words: [[UInt8]] = []
        var word: [UInt8] = []
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            if Self.isWord(scalar) {
                word += scalar.properties.lowercaseMapping.utf8
            } else if !word.isEmpty {
                words.append(word)
                word = []
            }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber, .privateUse:
            true
        // Where letters and marks are one character, `unicode61` keeps them together.
        case .nonspacingMark, .spacingMark: scalar.value >= 0x300
        default: false
        }
    }
}
