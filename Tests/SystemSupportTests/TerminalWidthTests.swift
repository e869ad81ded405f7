import SystemSupport
import Testing

@Suite struct TerminalWidthTests {
    @Test(arguments: [("abc", 3), ("", 0), ("日本", 4), ("e\u{301}", 1), ("🚀", 2), ("…", 1)])
    func columnsAreCounted(_ text: String, _ columns: Int) {
        #expect(TerminalWidth.columns(of: text) == columns)
    }

    @Test(arguments: [
        ("abc", 3, "abc"), ("abcd", 3, "ab…"), ("日本語", 5, "日本…"), ("日本語", 4, "日…"), ("abc", 1, "…"), ("abc", 0, ""),
    ])
    func aLongTextIsCut(_ text: String, _ most: Int, _ cut: String) {
        #expect(TerminalWidth.cut(text, to: most) == cut)
        #expect(TerminalWidth.columns(of: cut) <= most)
    }

    @Test func aShortOneIsFilledUp() {
        #expect(TerminalWidth.fit("a", to: 3) == "a  ")
        #expect(TerminalWidth.fit("日", to: 4, isNumber: true) == "  日")
        #expect(TerminalWidth.fit("日本", to: 3) == "日…")
    }
}
