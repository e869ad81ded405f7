import LogText
import Testing

/// What launchers and runtimes put before a program's line is told from the line.
@Suite struct LinePrefixTests {
    private func prefix(_ line: String, keepsMargin: Bool = false) -> LinePrefix {
        Array(line.utf8).withUnsafeBytes { LinePrefix($0, keepsMargin: keepsMargin) }
    }

    @Test(arguments: [
        ("[default3]:Traceback", "Traceback", 3), ("[rank12]: step", "step", 12), ("3: step", "step", 3),
        (" 7: step", "step", 7),
        ("[1,3]<stderr>: step", "step", 3), ("(Worker pid=12, ip=10.0.0.1) step", "step", nil),
        ("trainer-1  | step", "step", nil), ("[pod/a/b] step", "step", nil),
        ("Nov 28 10:00:00 host torchrun[37]: step", "step", nil),
        ("2026-11-28T10:00:00.5Z stderr F [rank1]: step", "step", 1), ("  | ValueError", "ValueError", nil),
        ("worker/0 [default1]:step", "step", 1), ("[rank 4] step", "step", 4), ("[Rank: 5] step", "step", 5),
        ("[RANK=6]: step", "step", 6), ("[rank7] step", "step", 7), ("[rank 8]:", "", 8),
        // No prefixes:
        ("step 3: done", "step 3: done", nil), ("[INFO] step", "[INFO] step", nil), ("[1,3] step", "[1,3] step", nil),
        ("12:30:01 step", "12:30:01 step", nil), ("", "", nil), ("[rank3]", "[rank3]", nil),
        ("2026-11-28 10:00:00 step", "2026-11-28 10:00:00 step", nil),
        ("[rank 3][step 5] x", "[rank 3][step 5] x", nil), ("[ranking 3] x", "[ranking 3] x", nil),
        ("[rank 1 of 8] x", "[rank 1 of 8] x", nil), ("[rank -1] x", "[rank -1] x", nil),
    ])
    func thePrefixEndsWhereTheTextBegins(line: String, text: String, rank: Int?) {
        let prefix = prefix(line)
        #expect(String(decoding: Array(line.utf8).dropFirst(prefix.end), as: UTF8.self) == text)
        #expect(prefix.rank == rank)
    }

    @Test func linesOfOneWriterHaveOneKey() {
        #expect(prefix("[rank3]: a").writer == prefix("[rank3]:").writer)
        #expect(prefix("[rank3]: a").writer != prefix("[rank4]: a").writer)
        #expect(
            prefix("2026-11-28T10:00:00Z stdout F 1: a").writer == prefix("2026-11-28T10:00:09.5Z stdout F 1: b").writer
        )
        #expect(prefix("(W pid=1) [rank1]: a").writer != prefix("(W pid=2) [rank1]: a").writer)
        for line in ["plain", "Nov 28 10:00:00 host python[37]: x", "2026-11-28T10:00:00Z stdout F x", "  | x"] {
            #expect(prefix(line).writer == 0)
        }
    }

    @Test func anExceptionGroupsMarginMayBeKept() {
        #expect(prefix("[rank0]:   | ValueError", keepsMargin: true).end == 9)
        #expect(prefix("[rank0]:   | ValueError").end > 9)
    }

    /// Neither the reader of prefixes nor that of escape sequences goes beyond its bytes.
    @Test func changedBytesDoNotCrash() {
        var random = SystemRandomNumberGenerator()
        let texts = [
            "[default3]:x", "\u{1B}]8;;http://a\u{7}x", "(W pid=1, ip=1) y", "2026-11-28T10:00:00Z stderr P z",
        ]
        for _ in 0..<5000 {
            var bytes = Array(texts.randomElement(using: &random)?.utf8 ?? "".utf8)
            for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
            bytes.withUnsafeBytes { bytes in
                #expect(LinePrefix(bytes).end <= bytes.count)
                #expect(EscapeSequences.strip(bytes).count <= bytes.count)
            }
        }
    }
}
