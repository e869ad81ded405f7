internal import LogText
internal import SystemSupport

/// The secret that stands for the token in browsers' cookies, kept so that a console that was started again still knows its browsers.
struct SessionFile {
    private static let length = 64

    let path: String

    /// The secret for a token: another token makes all cookies worthless. Blocks.
    ///
    /// - Returns: a new one where the file is missing or cannot be read; where it cannot be written either, it holds until the console ends.
    func secret(for token: String) -> String {
        let mark = Self.mark(of: token)
        if let bytes = try? WholeFile(path: path).read(limit: 256, followsLinks: false) {
            let words = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            if words.count == 2, words[0].utf8.count == Self.length, words[0].utf8.allSatisfy(\.isHexDigit),
                words[1] == mark
            {
                return String(words[0])
            }
        }
        let secret = Self.random()
        try? WholeFile(path: path).replace(with: Array("\(secret)\n\(mark)\n".utf8))
        return secret
    }

    private static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            let digits = String(generator.next(), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// Tells tokens apart, and says nothing of them that could be used: 32 bits.
    private static func mark(of token: String) -> String {
        String(StableHash.hex(of: token).prefix(8))
    }
}

extension UInt8 {
    fileprivate var isHexDigit: Bool { self &- 0x30 < 10 || self &- 0x61 < 6 }
}
