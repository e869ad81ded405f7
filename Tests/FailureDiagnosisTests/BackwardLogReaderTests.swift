import SystemPackage
import SystemSupport
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

    @Test(arguments: ["", "ValueError: x\n", String(repeating: "x", count: 300_000) + "\ny"])
    func aByteOrderMarkIsInNoBlock(text: String) throws {
        let scratch = ScratchFolder()
        let reader = try BackwardLogReader(path: try scratch.write("\u{FEFF}" + text, to: "l.log"))
        var whole: [UInt8] = []
        while let block = reader.next() {
            #expect(block.offset == 3 + text.utf8.count - whole.count - block.bytes.count)
            whole = block.bytes + whole
        }
        #expect(whole == Array(text.utf8))
    }

    @Test func aFolderOrNothingIsNoLog() {
        let scratch = ScratchFolder()
        let folder = #expect(throws: SystemCallError.self) { try BackwardLogReader(path: scratch.path) }
        #expect(folder?.code == .invalidArgument)
        let nothing = #expect(throws: SystemCallError.self) { try BackwardLogReader(path: scratch.path + "/x") }
        #expect(nothing?.code == .noSuchFileOrDirectory)
    }
}
