import Diagnosis
@testable import Inspection
import Testing

@Suite struct TextTests {
    @Test func readsPositions() {
        #expect(PositionText.read("3/12") == LanePosition(epoch: 3, sequence: 12))
        for bad in ["", "3", "3/", "/3", "3/1/2", "-1/2", "a/b", "18446744073709551615/1"] {
            #expect(PositionText.read(bad) == nil)
        }
    }

    @Test(arguments: [
        (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_048_575, "1.0 MiB"), (1_048_576, "1.0 MiB"),
        (1 << 30, "1.0 GiB"), (.max, "8.0 EiB"),
    ]) func writesSizes(bytes: Int, text: String) {
        #expect(HumanText.bytes(bytes) == text)
    }

    @Test(
        arguments: [
            (0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (172_800, "2 d"), (-5, "0 s"),
        ] as [(Int64, String)]) func writesSpans(seconds: Int64, text: String)
    {
        #expect(HumanText.span(from: 1000, to: 1000 + seconds) == text)
    }

    @Test func noTextCommandsTheTerminal() {
        #expect(HumanText.line("a\u{1B}[2Jb\nc\u{202E}d") == "a\\x1b[2Jb\\nc\\u{202e}d")
        #expect(HumanText.indented("a\n\tb\r") == ["  a", "  \tb\\r"])
    }
}
