@testable import Collectors
import Testing

@Suite(.timeLimit(.minutes(1))) struct LogPositionTests {
    let position = LogPosition(
        identity: FileIdentity(device: 0x0102, inode: 0x0304), offset: 0x0506, modified: -2,
        mark: FileMark(headLength: 0x0708, headHash: 0x090A, tailLength: 0x0B0C, tailHash: 0x0D0E),
        line: .afterQuietPiece, resolvedPath: "/a")

    @Test func isStoredAsDocumented() {
        #expect(
            position.bytes == [
                2, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 5, 6, 255, 255, 255, 255, 255, 255,
                255, 254, 7, 8, 0, 0, 0, 0, 0, 0, 9,
                10,
                11, 12, 0, 0, 0, 0, 0, 0, 13, 14, 2, 0, 2, 47, 97,
            ])
    }

    @Test func readsThePositionsOfVersion1() throws {
        let read = try LogPosition(bytes: [1] + position.bytes[1..<53])
        #expect(read.offset == position.offset && read.mark == position.mark)
        #expect(read.line == .begins && read.resolvedPath.isEmpty)
        #expect(throws: LogPositionError.self) { try LogPosition(bytes: [1] + position.bytes[1...]) }
    }

    @Test func isReadBack() throws {
        #expect(try LogPosition(bytes: position.bytes) == position)
    }

    @Test func refusesAnyOtherLengthOrVersion() {
        #expect(throws: LogPositionError.self) { try LogPosition(bytes: position.bytes + [0]) }
        #expect(throws: LogPositionError.self) { try LogPosition(bytes: Array(position.bytes.dropLast())) }
        #expect(throws: LogPositionError(reason: "it has version 3, and this program knows 1 to 2")) {
            try LogPosition(bytes: [3] + position.bytes.dropFirst())
        }
    }

    @Test func hashesAsFNV1aDoes() {
        // The published vectors for "" and "foobar".
        let mark = FileMark(head: [UInt8](), tail: Array("foobar".utf8))
        #expect(mark.headHash == 0xcbf2_9ce4_8422_2325)
        #expect(mark.tailHash == 0x8594_4171_f739_67e8)
    }
}
