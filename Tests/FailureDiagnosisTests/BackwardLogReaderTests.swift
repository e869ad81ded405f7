import TestSupport
import Testing

@testable import FailureDiagnosis

@Suite struct BackwardLogReaderTests {
    /// Lines of all lengths up to some blocks': put together again they are the file, and each block begins at a line's start.
    @Test(arguments: [
        [0], [10, 0, 3], [1 << 20], [(1 << 20) + 1, 5], [700_000, 700_000, 700_000], [3_500_000, 1, 1],
    ])
    func blocksAreTheFile(lengths: [Int]) throws {
        let scratch = ScratchFolder()
        let text = lengths.map { String(repeating: "x", count: $0) + "\n" }.joined() + "torn end"
        let reader = try BackwardLogReader(path: try scratch.write(text, to: "l.log"))
        var whole: [UInt8] = []
        while let block = reader.next() {
            #expect(block.offset == text.utf8.count - whole.count - block.bytes.count)
            whole = block.bytes + whole
        }
        #expect(whole == Array(text.utf8))
        #expect(reader.lineNumber(at: text.utf8.count, deadline: .now + .seconds(60)) == lengths.count + 1)
    }

    /// States of a progress bar are lines, too: no block begins within one.
    @Test func carriageReturnsEndLines() throws {
        let scratch = ScratchFolder()
        let text = String(repeating: "\r 50%|##   | 5/10", count: 60_000)
        let reader = try BackwardLogReader(path: try scratch.write(text, to: "l.log"))
        var count = 0
        while let block = reader.next() {
            count += 1
            #expect(block.bytes.starts(with: Array((block.offset == 0 ? "\r 50" : " 50").utf8)))
        }
        #expect(count > 3)
    }

    @Test func aByteOrderMarkIsNoText() throws {
        let scratch = ScratchFolder()
        let reader = try BackwardLogReader(path: try scratch.write("\u{FEFF}one\ntwo\n", to: "l.log"))
        let block = try #require(reader.next())
        #expect(block.offset == 3)
        #expect(block.bytes == Array("one\ntwo\n".utf8))
        #expect(reader.next() == nil)
        #expect(reader.lineNumber(at: 7, deadline: .now + .seconds(60)) == 2)
    }

    @Test func aFolderADeviceOrNothingIsNoLog() {
        let scratch = ScratchFolder()
        func error(_ path: String) -> String? {
            (#expect(throws: LogInputError.self) { try BackwardLogReader(path: path) })?.description
        }
        #expect(error(scratch.path)?.hasPrefix("cannot read \(scratch.path): it is a folder;") == true)
        #expect(error("/dev/zero") == "cannot read /dev/zero: it is a device")
        #expect(error(scratch.path + "/x") == "cannot open \(scratch.path)/x: No such file or directory")
    }
}
