import LogText
import Testing

/// What commands a terminal is taken out of a text, and nothing else.
@Suite struct EscapeSequencesTests {
    @Test(arguments: [
        ("\u{1B}[31;1mred\u{1B}[0m", "red"), ("\u{1B}[38;5;196mred\u{1B}[m", "red"),
        ("\u{1B}[38:2::255:0:0mred", "red"),
        ("\u{1B}[2K\u{1B}[1Gline", "line"), ("\u{1B}]0;title\u{7}text", "text"), ("\u{1B}]0;title\u{1B}\\text", "text"),
        ("\u{1B}]8;;http://a/b\u{1B}\\link\u{1B}]8;;\u{1B}\\", "link"), ("\u{1B}P+q544e\u{1B}\\text", "text"),
        ("\u{1B}(Btext", "text"), ("\u{1B}=text", "text"), ("\u{9B}31mred", "red"), ("\u{9D}0;title\u{7}text", "text"),
        ("a\u{8}\u{7}b", "ab"),
        // Not ended, at the text's end:
        ("text\u{1B}[3", "text"), ("text\u{1B}", "text"), ("text\u{1B}]0;title", "text0;title"),
        // Nothing of a terminal's:
        ("[31m not one", "[31m not one"), ("é ü 日本 \u{A0}", "é ü 日本 \u{A0}"), ("a\tb\r", "a\tb\r"), ("", ""),
    ])
    func sequencesAreTakenOut(text: String, plain: String) {
        let stripped = Array(text.utf8).withUnsafeBytes { EscapeSequences.strip($0) }
        #expect(String(decoding: stripped, as: UTF8.self) == plain)
    }
}
