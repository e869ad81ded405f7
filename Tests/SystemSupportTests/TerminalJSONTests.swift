import SystemSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct TerminalJSONTests {
    private func shown(_ json: String) -> String {
        String(decoding: TerminalJSON.escaped(Array(json.utf8)), as: UTF8.self)
    }

    @Test(arguments: [
        ("{\"a\": 1}\n", "{\"a\": 1}\n"), ("\"\u{9B}\u{7F}\"", #""\u009b\u007f""#),
        ("\"\u{202E}\u{E0001}\"", #""\u202e\udb40\udc01""#),
        ("\"Grüße 世界 😀\"", "\"Grüße 世界 😀\""), ("{\t\"a\":\r\n1}", "{ \"a\": \n1}"), ("", ""),
    ])
    func itMeansTheSame(json: String, text: String) {
        #expect(shown(json) == text)
    }

    @Test func whatIsNoJSONIsHarmlessToo() {
        #expect(shown("\u{1B}[2J\0") == "\\u001b[2J\\u0000")
        #expect(TerminalJSON.escaped([0x61, 0xFF, 0x9B, 0x31]) == Array("a\u{FFFD}\u{FFFD}1".utf8))
    }
}
