import Glibc
import TestSupport
import Testing

@testable import Commands

@Suite(.timeLimit(.minutes(1))) struct InputLinesTests {
    /// All lines of an input, and how many reads it took.
    private func lines(
        of text: String, readSize: Int = 1 << 16, longestLine: Int = 100
    ) throws -> [InputLines.Line] {
        let pipe = try Pipe()
        pipe.write(text)
        pipe.closeWriting()
        var input = InputLines(of: pipe.reading, readSize: readSize, longestLine: longestLine)
        var lines: [InputLines.Line] = []
        while let next = try input.next() { lines += next }
        #expect(try input.next() == nil)
        return lines
    }

    @Test(arguments: [1, 2, 3, 5, 1000]) func linesComeWholeHoweverTheyAreRead(readSize: Int) throws {
        #expect(try lines(of: "one\n\nthree, Grüße\n", readSize: readSize) == whole("one", "", "three, Grüße"))
    }

    @Test(arguments: [1, 1000]) func aLastLineWithoutANewlineCounts(readSize: Int) throws {
        #expect(try lines(of: "one\ntwo", readSize: readSize) == whole("one", "two"))
    }

    @Test func aCarriageReturnBelongsToItsLine() throws {
        #expect(try lines(of: "one\r\ntwo\r\n") == whole("one\r", "two\r"))
    }

    @Test(arguments: [1, 1000]) func aByteOrderMarkIsNoContentOfTheFirstLine(readSize: Int) throws {
        #expect(try lines(of: "\u{FEFF}{}\n\u{FEFF}x", readSize: readSize) == whole("{}", "\u{FEFF}x"))
    }

    @Test func anEmptyInputHasNoLines() throws {
        #expect(try lines(of: "").isEmpty)
    }

    @Test(arguments: [1, 4, 1000]) func aLineThatIsTooLongIsOneLineAndTheNextIsWhole(readSize: Int) throws {
        let lines = try lines(of: "12345\n123456\n123456789012\n1234", readSize: readSize, longestLine: 5)
        #expect(lines == whole("12345") + [.tooLong, .tooLong] + whole("1234"))
    }

    @Test func aLastLineThatIsTooLongCounts() throws {
        #expect(try lines(of: "123456", readSize: 2, longestLine: 5) == [.tooLong])
    }

    @Test func linesAreHandedOverAsSoonAsTheyAreThere() throws {
        let pipe = try Pipe()
        var input = InputLines(of: pipe.reading, readSize: 100, longestLine: 100)
        pipe.write("one\ntw")
        #expect(try input.next() == whole("one"))
        pipe.write("o\nthr")
        #expect(try input.next() == whole("two"))
        pipe.closeWriting()
        #expect(try input.next() == whole("thr"))
        #expect(try input.next() == nil)
    }

    @Test func aPipeThatSomebodyMadeNonBlockingIsWaitedFor() async throws {
        let pipe = try Pipe()
        #expect(fcntl(pipe.reading, F_SETFL, O_NONBLOCK) == 0)
        async let lines = Task.detached {
            var input = InputLines(of: pipe.reading, readSize: 100, longestLine: 100)
            var lines: [InputLines.Line] = []
            while let next = try input.next() { lines += next }
            return lines
        }.value
        pipe.write("one\n")
        await Task.yield()
        pipe.write("two\n")
        pipe.closeWriting()
        #expect(try await lines == whole("one", "two"))
    }

    @Test func anInputThatCannotBeReadSaysWhy() throws {
        let folder = open("/tmp", O_RDONLY)
        defer { close(folder) }
        var input = InputLines(of: folder, readSize: 100, longestLine: 100)
        let error = try #require(throws: (any Error).self) { try input.next() }
        #expect("\(error)" == "cannot read standard input: Is a directory")
    }

    private func whole(_ texts: String...) -> [InputLines.Line] {
        texts.map { .whole(Array($0.utf8)) }
    }
}

/// A pipe whose ends are closed with it.
final class Pipe: Sendable {
    let reading: CInt
    private let writing: CInt

    init() throws {
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        // Other tests start programs, and one with the writing end would keep the input from ending.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reading, writing) = (ends[0], ends[1])
    }

    deinit {
        close(reading)
        close(writing)
    }

    func write(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(Glibc.write(writing, bytes, bytes.count) == bytes.count)
    }

    /// The reader meets the end after what was written. The descriptor stays taken, so that `deinit` closes no other.
    func closeWriting() {
        let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
        dup2(null, writing)
        close(null)
    }
}
