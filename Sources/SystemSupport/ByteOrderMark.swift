/// The mark that some editors put in front of a text to say how it is encoded. It is no part of the text.
package enum ByteOrderMark {
    private static let utf8: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// The text without a mark; `nil` if it is not UTF-8.
    package static func text(_ bytes: [UInt8]) -> String? {
        String(validating: dropped(from: bytes), as: UTF8.self)
    }

    package static func dropped<Bytes: Collection<UInt8>>(from bytes: Bytes) -> Bytes.SubSequence {
        bytes.dropFirst(bytes.starts(with: utf8) ? utf8.count : 0)
    }

    package static func dropped(from text: String) -> Substring {
        // By scalars: a mark and what follows it can be one character.
        text.unicodeScalars.first == "\u{FEFF}" ? Substring(text.unicodeScalars.dropFirst()) : text[...]
    }

    /// What a text that is not UTF-8 is instead, to follow "the file is".
    package static func encoding(of bytes: [UInt8]) -> String {
        if bytes.starts(with: [0xFF, 0xFE, 0, 0]) || bytes.starts(with: [0, 0, 0xFE, 0xFF]) {
            return "UTF-32; save it as UTF-8"
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) { return "UTF-16; save it as UTF-8" }
        return "not UTF-8"
    }
}
