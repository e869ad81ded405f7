@testable import Console
import Diagnosis
import Foundation
import TestSupport
import Testing

struct JSONTextTests {
    @Test func whatIsWrittenIsReadBack() throws {
        let bytes = JSONText.object {
            $0.member("text", "a")
            $0.member("none", nil as String?)
            $0.member("int", Int64.min)
            $0.member("big", UInt64.max)
            $0.member("bool", true)
            $0.member("fraction", number: 0.1)
            $0.member("small", number: 1e-7)
            $0.member("whole", number: 3.0)
            $0.member("nan", number: .nan)
            $0.member("infinite", number: -.infinity)
            $0.member("time", time: 1_796_000_000.123456)
            $0.member("empty", array: [] as [Int]) { $0.int($1) }
            $0.member("list", array: [1, 2]) { $0.int($1) }
            $0.key("inner")
            $0.object { _ in }
            $0.member("last", false)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(
            text == #"{"text":"a","none":null,"int":-9223372036854775808,"big":18446744073709551615,"bool":true,"#
                + #""fraction":0.1,"small":1e-07,"whole":3,"nan":null,"infinite":null,"time":1796000000.123,"#
                + #""empty":[],"list":[1,2],"inner":{},"last":false}"#)
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(bytes)) }
    }

    @Test func hostileTextComesBackAsItWas() throws {
        let texts = [
            "<script>alert(1)</script>", "\u{1B}[31mred\u{7}", "\"\\\u{8}\u{c}\n\r\t\u{0}\u{7F}",
            "\u{2028}\u{2029}\u{202E}",
            "</script><!--", "\u{FFFD}", "e\u{301}\u{1F4A9}", "{\"a\":1}", "\\u0041", "",
        ]
        for text in texts { try expectSame(text) }
    }

    @Test func anyTextComesBackAsItWas() throws {
        var generator = SeededGenerator(seed: 18)
        for _ in 0..<200 {
            let scalars = (0..<Int.random(in: 0..<60, using: &generator)).compactMap { _ in
                Unicode.Scalar(UInt32.random(in: 0..<0x500, using: &generator))
            }
            try expectSame(String(String.UnicodeScalarView(scalars)))
        }
    }

    @Test func aLineOfAMebibyteIsWrittenWhole() throws {
        try expectSame(String(repeating: "\u{1}<&\"", count: 262_144))
    }

    private func expectSame(_ text: String) throws {
        let bytes = JSONText.object { $0.member("text", text) }
        #expect(bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
        let read = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: String]
        #expect(read?["text"]?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
    }
}
