@testable import Collectors
import Testing

@Suite(.timeLimit(.minutes(1))) struct ContentRulesTests {
    @Test(
        arguments: [
            ("plain\nlines", nil),
            ("ends with \r\nand \r\n", nil),
            ("a\0b, three \0\0\0 stay", "a\0b, three \0\0\0 stay"),
            ("\0\0\0\0after a hole", "after a hole"),
            ("cut off\0\0\0\0\0next", "cut off\nnext"),
            ("cut off\0\0\0\0\n next", "cut off\n next"),
            ("\r 10%\r 20%\nend", " 20%\nend"),
            ("text\r\r\r\nx", "text\nx"),
            (" 99%|##| \r100%|###| 10/10\r\n", "100%|###| 10/10\n"),
        ] as [(String, String?)])
    func followsItsRules(raw: String, wanted: String?) {
        #expect(rewritten(raw) == wanted)
    }

    @Test func keepsCarriageReturnsIfToldSo() {
        #expect(rewritten("a\rb", keepsCarriageReturns: true) == nil)
    }

    @Test func findsTheLastStateOfABar() {
        let bar = Array("\r 1%\r 2%\r\r".utf8)
        let state = bar.withUnsafeBytes { ContentRules.lastState($0) }
        #expect(state == 5..<8)
        #expect(Array("\r\r".utf8).withUnsafeBytes { ContentRules.lastState($0) } == nil)
    }

    private func rewritten(_ raw: String, keepsCarriageReturns: Bool = false) -> String? {
        Array(raw.utf8).withUnsafeBytes { ContentRules(keepsCarriageReturns: keepsCarriageReturns).rewritten($0) }
            .map { String(decoding: $0.bytes, as: UTF8.self) }
    }
}
