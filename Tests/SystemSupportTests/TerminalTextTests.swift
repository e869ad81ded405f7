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
