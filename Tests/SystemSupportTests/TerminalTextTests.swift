import SystemSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct TerminalTextTests {
    @Test(arguments: [
        ("a\u{1B}[2J", "a\\x1b[2J"), ("\u{9B}31m", "\\x9b31m"), ("a\r\n\tb", "a\\r\\n\\tb"),
        ("\u{202E}x\u{2066}", "\\u{202e}x\\u{2066}"),
        ("\u{2028}", "\\u{2028}"), ("\u{7F}\0", "\\x7f\\x00"), ("Grüße 世界 😀 e\u{301}", "Grüße 世界 😀 e\u{301}"), ("", ""),
    ])
    func oneLine(text: String, shown: String) {
        #expect(TerminalText.line(text) == shown)
    }

    @Test(
        arguments: [
            0xAD, 0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180E, 0x200B, 0x2060, 0x2800, 0x3164, 0xFE00, 0xFE0F,
            0xFEFF, 0xFFA0, 0xE0001,
            0xE0100, 0xE01EF, 0x16FE4, 0x1D159,
        ] as [UInt32])
    func whatIsInvisibleIsWrittenOut(value: UInt32) throws {
        let scalar = try #require(Unicode.Scalar(value))
        let shown = TerminalText.line("x\(String(Character(scalar)))y")
        #expect(!shown.unicodeScalars.contains(scalar))
        #expect(shown.lowercased().contains(String(value, radix: 16)))
        let json = TerminalJSON.escaped(Array("\"x\(String(Character(scalar)))y\"".utf8))
        #expect(json.allSatisfy { $0 < 0x80 })
    }

    /// Marks are drawn one above the other, over the lines before.
    @Test func marksAreNotPiledUp() {
        let piled = "a" + String(repeating: "\u{301}", count: 1500) + "b"
        let shown = TerminalText.line(piled, limit: 1 << 20)
        #expect(shown.unicodeScalars.count { $0 == "\u{301}" } == 8)
        #expect(TerminalText.line(shown, limit: 1 << 20) == shown)
        #expect(
            String(decoding: TerminalJSON.escaped(Array(piled.utf8)), as: UTF8.self).unicodeScalars.count {
                $0 == "\u{301}"
            } == 8)
        // An invisible one between them begins no new pile.
        let mixed = "a" + String(repeating: "\u{301}\u{200B}", count: 20)
        #expect(TerminalText.line(mixed).unicodeScalars.count { $0 == "\u{301}" } == 8)
        for text in ["שָׁלוֹם", "ก็ที่นี่", "बिन्दुओं", "e\u{301}\u{323}", "བསྒྲུབས"] { #expect(TerminalText.line(text) == text) }
    }

    @Test func aLongFieldIsCut() {
        #expect(TerminalText.line(String(repeating: "ü", count: 5000)) == String(repeating: "ü", count: 2048) + "…")
        #expect(TerminalText.line("ab\u{1B}c", limit: 6) == "ab\\x1b…")
        #expect(TerminalText.line("ab\u{1B}", limit: 5) == "ab…")
        #expect(TerminalText.line("abcde", limit: 5) == "abcde")
    }

    @Test func severalLines() {
        #expect(TerminalText.lines("a\r\n\tb\u{1B}") == "a\\r\n\tb\\x1b")
    }

    @Test func aByteOrderMarkIsNoContent() {
        #expect(ByteOrderMark.text([0xEF, 0xBB, 0xBF] + Array("a".utf8)) == "a")
        #expect(ByteOrderMark.text(Array("a".utf8)) == "a")
        #expect(ByteOrderMark.dropped(from: "\u{FEFF}\u{301}a") == "\u{301}a")
        #expect(ByteOrderMark.text([0xFF, 0xFE, 0x61, 0]) == nil)
        #expect(ByteOrderMark.encoding(of: [0xFF, 0xFE, 0x61, 0]) == "UTF-16; save it as UTF-8")
        #expect(ByteOrderMark.encoding(of: [0x80]) == "not UTF-8")
    }
}
