import SystemSupport
import Testing

/// What is compressed reads back the same, also at the largest size that a result may have.
@Suite struct GzipWriterTests {
    @Test(arguments: [0, 1, 100, 70_000, 1 << 20]) func `it reads back the same`(_ count: Int) throws {
        var generator = SystemRandomNumberGenerator()
        let random = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        for bytes in [random, [UInt8](repeating: 0x78, count: count)] {
            let room = UnsafeMutableRawBufferPointer.allocate(
                byteCount: GzipWriter.largestResult(of: count), alignment: 1)
            defer { room.deallocate() }
            let written = try #require(bytes.withUnsafeBytes { GzipWriter.compress($0, into: room) })
            var rest = room[..<written]
            let reader = GzipReader { block throws(SystemCallError) in
                let part = rest.prefix(block.count)
                block.copyBytes(from: part)
                rest = rest.dropFirst(part.count)
                return part.count
            }
            var text: [UInt8] = []
            let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 10_000, alignment: 1)
            defer { block.deallocate() }
            while case let count = try reader.read(into: block), count > 0 { text += block[..<count] }
            #expect(text == bytes)
            #expect(reader.end == .whole)
        }
    }

    @Test func `too little room is no result`() {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 1)
        defer { room.deallocate() }
        #expect([UInt8](repeating: 1, count: 1000).withUnsafeBytes { GzipWriter.compress($0, into: room) } == nil)
    }
}
