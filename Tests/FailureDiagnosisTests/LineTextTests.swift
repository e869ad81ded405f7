import TestSupport
import Testing

@testable import FailureDiagnosis

/// Of a long line, evidence shows what stands around the match.
@Suite struct LineTextTests {
    private let matcher = RuleMatcher(.builtIn)

    /// The texts of the hits in a file's bytes.
    private func shown(_ text: String) -> [String] {
        shown(Array(text.utf8))
    }

    private func shown(_ bytes: [UInt8]) -> [String] {
        bytes.withUnsafeBytes { bytes in
            matcher.hits(in: bytes).map { LineText.shown($0.line, in: bytes, rule: $0.rule, matcher) }
        }
    }

    private static let oom = "CUDA out of memory. Tried to allocate 2 GiB"

    @Test(arguments: [0, 150, 900, 1200, 5000, 600_000], [0, 150, 900, 1200, 5000, 600_000])
    func theMatchIsInTheMiddle(before: Int, after: Int) throws {
        let line = String(repeating: "a ", count: before / 2) + Self.oom + String(repeating: " b", count: after / 2)
        let text = try #require(shown("one\n" + line + "\ntwo\n").first)
        #expect(text.contains(Self.oom))
        #expect(text.utf8.count <= LineText.maximumBytes + 6)
        #expect(text.utf8.count >= min(line.utf8.count, LineText.maximumBytes))
        #expect(text.hasPrefix("…") == (before > 120 && line.utf8.count > LineText.maximumBytes))
        #expect(
            text.hasSuffix("…")
                == (line.utf8.count > LineText.maximumBytes
                    && after > LineText.maximumBytes - 120 - Self.oom.utf8.count))
        #expect(line.contains(text.replacing("…", with: "")))
    }

    /// Characters of two to many bytes at every place of the cuts.
    @Test(arguments: ["ä", "梯", "🔥", "👩‍👩‍👧‍👦", "e\u{301}"]) func noCharacterIsSplit(filler: String) throws {
        for shift in 0..<8 {
            let line = String(repeating: "x", count: shift) + String(repeating: filler, count: 4000) + Self.oom
            let text = try #require(shown(line + String(repeating: filler, count: 4000) + "\n").first)
            #expect(text.contains(Self.oom))
            #expect(!text.contains("\u{FFFD}"))
            // A joiner is told as \u{200d}, so characters are those of the shown text.
            #expect(text.hasPrefix("…") && text.hasSuffix("…"))
        }
    }

    @Test func noEscapeSequenceIsLeft() throws {
        for shift in 0..<40 {
            let colours = String(repeating: "\u{1B}[38;5;196mred\u{1B}[0m ", count: 700)
            let text = try #require(
                shown(String(repeating: "x", count: shift) + colours + Self.oom + " " + colours + "\n").first)
            #expect(text.contains("red red") && text.contains(Self.oom))
            #expect(!text.contains("[38") && !text.contains("38;5") && !text.contains("[0m") && !text.contains("x1b"))
        }
        let written = #"{"msg": "\u001b[31mred\u001b[0m \x1b[1m\033[0m"# + " " + Self.oom + #" \u001b and \u001b[31"}"#
        #expect(shown(written + "\n") == [#"{"msg": "red  "# + Self.oom + #" \u001b and \u001b[31"}"#])
    }

    /// The exception is the last line of a field; what comes first in the line is not what matched.
    @Test func ofATracebackInAFieldTheExceptionIsShown() throws {
        let frames = String(repeating: #"  File \"Error: .py\", line 7, in <module>\n"#, count: 90)
        let text = try #require(
            shown(#"{"message": "Traceback:\n\#(frames)ValueError: batch 7 has no labels\n"}"# + "\n").first)
        #expect(text.contains("ValueError: batch 7 has no labels"))
        #expect(text.hasPrefix("…"))
    }

    @Test func aShortLineIsWhole() {
        #expect(shown(Self.oom + "  \r\n") == [Self.oom])
        #expect(shown("\u{1B}[31m" + Self.oom + "\u{1B}[0m\n") == [Self.oom])
        #expect(shown("50%|##\r" + Self.oom + "\r60%|##") == [Self.oom])
    }
}
