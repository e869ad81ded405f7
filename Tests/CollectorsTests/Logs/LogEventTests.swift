import Diagnosis
import Logging
import TestSupport
import Testing

@testable import Collectors

/// What a follower makes of events of several lines and of a container runtime's files.
@Suite struct LogEventTests {
    private let folder = ScratchFolder()
    private let start = ContinuousClock.now

    private func follower(chunkBytes: Int = 1024) -> LogFollower {
        LogFollower(
            path: folder.file("x.log"),
            configuration: .init(chunkBytes: chunkBytes, maxLineBytes: 8192, readBytes: 4096),
            logger: Logger(label: "test"))
    }

    /// The contents of all chunks that there are, `seconds` after the start.
    private func drain(_ follower: inout LogFollower, at seconds: Double = 0, isLast: Bool = false) -> [LogChunk] {
        var chunks: [LogChunk] = []
        while let chunk = follower.next(now: start + .seconds(seconds), isLast: isLast) {
            chunks.append(chunk)
            follower.confirm(chunk)
        }
        return chunks
    }

    private static let traceback = """
        Traceback (most recent call last):
          File "train.py", line 7, in <module>
            main()
        RuntimeError: CUDA error: device-side assert triggered
        CUDA kernel errors might be asynchronously reported at some other API call

        """

    @Test(arguments: 0..<24) func aTracebackStaysInOneChunk(before: Int) throws {
        let padding = String(repeating: "2026-11-29 10:00:00 INFO step\n", count: before + 10)
        try folder.write(padding + Self.traceback + padding, to: "x.log")
        var follower = follower(chunkBytes: 700)
        let contents = drain(&follower, isLast: true).map(\.content)
        #expect(contents.contains { $0.contains(Self.traceback.dropLast()) })
        #expect(contents.joined(separator: "\n") + "\n" == padding + Self.traceback + padding)
    }

    @Test func theRestOfAnEventIsWaitedForForAWhile() throws {
        try folder.write("step 1\nTraceback (most recent call last):\n  File \"a\"\n", to: "x.log")
        var follower = follower()
        #expect(drain(&follower).map(\.content) == ["step 1"])
        try folder.append("ValueError: x\n", to: "x.log")
        #expect(drain(&follower, at: 1).isEmpty)
        #expect(
            drain(&follower, at: 3.5).map(\.content) == [
                "Traceback (most recent call last):\n  File \"a\"\nValueError: x"
            ])
        // One that goes on and on holds nothing up for longer than a few seconds.
        try folder.append("Traceback (most recent call last):\n", to: "x.log")
        var sent: [LogChunk] = []
        for second in 4..<12 {
            try folder.append("  File \"\(second)\"\n", to: "x.log")
            sent += drain(&follower, at: Double(second))
            if second < 8 { #expect(sent.isEmpty) }
        }
        #expect(!sent.isEmpty)
    }

    @Test func anEventThatIsTooLargeIsCut() throws {
        let frames = (0..<2000).map { "  File \"\($0).py\"\n" }.joined()
        try folder.write("Traceback (most recent call last):\n" + frames + "E: 1\n", to: "x.log")
        var follower = follower()
        let chunks = drain(&follower, isLast: true)
        #expect(chunks.allSatisfy { $0.byteCount <= 8192 + 64 } && chunks.count > 2)
        #expect(chunks.map(\.content).joined(separator: "\n").hasSuffix(frames + "E: 1"))
    }

    @Test func aLongLineBehindAnEventTakesNoMemory() throws {
        try folder.write(
            "Traceback (most recent call last):\n  File \"a\"\n" + String(repeating: "x", count: 3_000_000) + "\nend\n",
            to: "x.log")
        var follower = follower()
        var largest = 0
        var size = 0
        while let chunk = follower.next(now: start, isLast: true) {
            largest = max(largest, follower.buffer.capacity)
            size += chunk.byteCount
            follower.confirm(chunk)
        }
        #expect(size > 3_000_000)
        #expect(largest < 64 * 1024)
    }

    @Test func eachRanksTracebackIsPutTogether() throws {
        let lines = [
            "[rank0]: Traceback (most recent call last):", "[rank1]: Traceback (most recent call last):",
            "[rank1]:   File \"a\"", "[rank0]:   File \"a\"", "[rank0]: ValueError: 0", "[rank1]: ValueError: 1",
        ]
        try folder.write(lines.joined(separator: "\n") + "\n", to: "x.log")
        var follower = follower()
        let content = try #require(drain(&follower, isLast: true).first).content
        #expect(content.split(separator: "\n") == [0, 3, 4, 1, 2, 5].map { lines[$0][...] })
    }

    @Test func whatAProgramWroteIsTakenOutOfCRI() throws {
        let time = "2026-11-29T10:00:0"
        try folder.write(
            """
            \(time)1.5Z stdout F one
            \(time)2.000000001+00:00 stdout P be
            \(time)2Z stderr F error
            \(time)3Z stdout P gin
            \(time)4Z stdout F  end
            no container's
            \(time)5Z stdout P cut

            """, to: "x.log")
        var follower = follower()
        let chunk = try #require(drain(&follower).first)
        // The line that is not over waits, and what follows its beginning.
        #expect(chunk.content == "one\nerror\nbegin end\nno container's")
        #expect(chunk.lineCount == 4)
        #expect(chunk.origin?.firstTime == 1_795_946_401.5)
        #expect(chunk.origin?.lastTime == 1_795_946_404)
        #expect(chunk.origin?.streams == "stdout 1, stderr 1, stdout 1,  1")
        #expect(
            drain(&follower, at: 9).map(\.content) == ["cut [arobust: line continues]"])
    }

    @Test func whatAProgramWroteIsTakenOutOfDockersJSON() throws {
        func line(_ text: String, _ second: Int = 1) -> String {
            #"{"log":"\#(text)","stream":"stderr","time":"2026-11-29T10:00:0\#(second).25Z"}"# + "\n"
        }
        try folder.write(
            line(#"Traceback (most recent call last):\n"#) + line(#"  File \u003cstdin\u003e\n"#)
                + line(#"E: \"x\" \u00e4"#) + line(#" more\n"#, 2) + line(#" 1%\r 2%\r 3%\n"#, 3), to: "x.log")
        var follower = follower(chunkBytes: 1024)
        let chunks = drain(&follower, isLast: true)
        #expect(
            chunks.map(\.content).joined(separator: "\n")
                == "Traceback (most recent call last):\n  File <stdin>\nE: \"x\" ä more\n 3%")
        #expect(chunks.allSatisfy { $0.origin?.stream == "stderr" && $0.origin?.streams == nil })
    }

    @Test func aFileIsOnlyAContainersIfItsFirstLineIs() throws {
        let line = "2026-11-29T10:00:01Z stdout F x"
        try folder.write("plain\n\(line)\n", to: "x.log")
        var follower = follower()
        #expect(drain(&follower).map(\.content) == ["plain\n\(line)"])
        try folder.write("\(line)\n", to: "y.log")
        var configuration = LogCollector.Configuration()
        configuration.containers = .raw
        var raw = LogFollower(path: folder.file("y.log"), configuration: configuration, logger: Logger(label: "test"))
        #expect(drain(&raw).map(\.content) == [line])
    }
}
