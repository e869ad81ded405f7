import Testing

@testable import Diagnosis

@Suite struct JSONStringTests {
    @Test(arguments: [
        (#"plain"#, "plain"), (#"a\n\t\"\\b"#, "a\n\t\"\\b"), (#"\u00e9\ud83d\ude00"#, "é😀"), (#"\ud83d"#, "\u{FFFD}"),
        (#"\udc00x"#, "\u{FFFD}x"), ("", ""),
    ])
    func unescapes(escaped: String, text: String) {
        #expect(JSONString.unescape(Array(escaped.utf8)[...]) == text)
    }

    /// Whoever asks before checking gets a text, and no crash.
    @Test func unescapesAnyBytes() {
        let bytes = Array(#"\u"d8/n "#.utf8) + [0, 0x0A, 0x1F, 0x7F, 0x80, 0xC3, 0xFF]
        for _ in 0..<20_000 {
            let some = (0..<Int.random(in: 0...12)).map { _ in bytes.randomElement() ?? 0 }
            let slice = some.dropFirst(Int.random(in: 0...2))
            #expect(JSONString.unescape(slice).utf8.count <= 3 * slice.count)
        }
    }
}
