import Foundation
import TestSupport
import Testing

@testable import Inspection

@Suite struct LastLinesTests {
    private let folder = ScratchFolder()

    @Test(arguments: [
        ("a\nb\n", "b"), ("a\nhalf", "half"), ("a\n\n  \n", "a"), ("x\n 10%\r 20%\r", " 20%"),
        ("one\r\ntwo\r\n", "two"),
        ("2026-11-28T10:00:00.123456789Z stderr F step 4\n", "step 4"),
        ("{\"log\":\"step 5\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-28T10:00:00.1Z\"}\n", "step 5"),
    ]) func ofALog(_ text: String, _ line: String) throws {
        try folder.write(text, to: "a.log")
        #expect(LastLines.lastLine(of: folder.file("a.log")) == line)
    }

    @Test func ofALargeLogOnlyTheEndIsRead() throws {
        try folder.write(String(repeating: "x", count: 1 << 20) + "\nlast\n", to: "a.log")
        #expect(LastLines.lastLine(of: folder.file("a.log")) == "last")
        try folder.write(String(repeating: "x", count: 1 << 20), to: "a.log")
        #expect(LastLines.lastLine(of: folder.file("a.log"))?.count == LastLines.mostBytes)
    }

    @Test func whatIsNoFileHasNone() throws {
        try folder.write("", to: "empty")
        #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
        for path in [folder.file("empty"), folder.file("pipe"), folder.path, folder.file("none"), "/dev/zero"] {
            #expect(LastLines.lastLine(of: path) == nil)
        }
    }

    @Test func theyAreReadInTheBackground() async throws {
        try folder.write("a\n", to: "a.log")
        let lines = LastLines()
        lines.refresh([folder.file("a.log"), folder.file("none")])
        try await eventually { lines.known == [folder.file("a.log"): "a"] }
    }
}
