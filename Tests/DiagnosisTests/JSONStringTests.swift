import TestSupport
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

    @Test(arguments: 0..<300 as Range<UInt64>) func findsTheFirstSpecialByte(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let special: [UInt8] = [0, 0x01, 0x0A, 0x1F, 0x22, 0x5C]
        let plain: [UInt8] = [0x20, 0x21, 0x23, 0x5B, 0x5D, 0x7F, 0x80, 0xA2, 0xDC, 0xFF]
        var bytes = (0..<Int.random(in: 0...120, using: &random)).map { _ in plain.randomElement(using: &random) ?? 0x20
        }
        for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = special.randomElement(using: &random) ?? 0
        }
        for start in 0...bytes.count {
            let expected = bytes[start...].firstIndex { special.contains($0) } ?? bytes.count
            #expect(bytes.withUnsafeBufferPointer { JSONString.firstSpecial(in: $0, from: start) } == expected)
        }
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
