import Foundation
import SystemPackage
import SystemSupport
import TestSupport
import Testing

/// Decompresses what the real gzip wrote.
@Suite struct GzipReaderTests {
    private static let text = Array((0..<60_000).map { "line \($0) of the log\n" }.joined().utf8)
    private let scratch = ScratchFolder()

    private func gzip(_ bytes: [UInt8], level: Int = 6) throws -> [UInt8] {
        let path = scratch.path + "/text"
        try Data(bytes).write(to: URL(filePath: path))
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["gzip", "-f", "-\(level)", path]
        try process.run()
        process.waitUntilExit()
        return Array(try Data(contentsOf: URL(filePath: path + ".gz")))
    }

    /// - Parameter piece: how many bytes the input gives at once.
    private func read(_ bytes: [UInt8], piece: Int = .max, room: Int = 10_000) throws -> ([UInt8], GzipReader.End?) {
        var rest = bytes[...]
        let reader = GzipReader { block throws(SystemCallError) in
            let part = rest.prefix(min(piece, block.count))
            block.copyBytes(from: part)
            rest = rest.dropFirst(part.count)
            return part.count
        }
        var text: [UInt8] = []
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 1)
        defer { block.deallocate() }
        while case let count = try reader.read(into: block), count > 0 { text += block[..<count] }
        return (text, reader.end)
    }

    @Test(arguments: [(1, 7), (700, 10_000), (.max, 1 << 20)]) func itIsTheText(piece: Int, room: Int) throws {
        let bytes = try gzip(Self.text)
        #expect(GzipReader.isGzip(bytes))
        let (text, end) = try read(bytes, piece: piece, room: room)
        #expect(text == Self.text)
        #expect(end == .whole)
    }

    @Test func membersAreOneText() throws {
        let (one, empty) = (try gzip(Array("one\n".utf8)), try gzip([]))
        for (bytes, expected) in [(one + one, "one\none\n"), (one + empty + one, "one\none\n"), (empty, "")] {
            for piece in [1, .max] {
                let (text, end) = try read(bytes, piece: piece)
                #expect(String(decoding: text, as: UTF8.self) == expected)
                #expect(end == .whole)
            }
        }
        let padded = try read(one + [UInt8](repeating: 0, count: 9000))
        #expect(padded.1 == .whole)
        let followed = try read(one + Array("plain".utf8))
        #expect(String(decoding: followed.0, as: UTF8.self) == "one\n")
        #expect(followed.1 == .followedByOther)
    }

    @Test(arguments: [0.1, 0.5, 0.99]) func aTruncatedFileIsReadAsFarAsItGoes(part: Double) throws {
        let bytes = try gzip(Self.text)
        let (text, end) = try read(Array(bytes.prefix(Int(Double(bytes.count) * part))))
        #expect(Self.text.starts(with: text))
        #expect(Double(text.count) > Double(Self.text.count) * (part - 0.15))
        #expect(end == .truncated)
    }

    @Test func everyTruncationIsNoticed() throws {
        let bytes = try gzip(Array("one\n".utf8))
        for count in 0..<bytes.count { #expect(try read(Array(bytes.prefix(count))).1 == .truncated, "\(count)") }
    }

    @Test func aDamageIsNoticed() throws {
        var bytes = try gzip(Self.text)
        let whole = bytes
        bytes[bytes.count - 6] ^= 1
        guard case .damaged = try read(bytes).1 else {
            Issue.record("a wrong checksum")
            return
        }
        for place in stride(from: 20, to: bytes.count - 8, by: 997) {
            var bytes = whole
            bytes[place] ^= 0x55
            let (text, end) = try read(bytes)
            #expect(end != .whole || text == Self.text)
        }
        guard case .damaged = try read(Array("no gzip at all".utf8)).1 else {
            Issue.record("no gzip")
            return
        }
    }

    @Test func anErrorOfTheInputIsPassedOn() {
        let reader = GzipReader { _ throws(SystemCallError) in throw SystemCallError("read", path: "x", code: .ioError)
        }
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 10, alignment: 1)
        defer { block.deallocate() }
        #expect(throws: SystemCallError.self) { try reader.read(into: block) }
    }
}
