/// The end of a text that can only be read forwards, in bounded memory; what came before is counted.
package struct LogTail: Sendable {
    private static let chunkBytes = 256 << 10

    /// How many bytes are kept at least, if there are so many.
    private let limit: Int
    private var chunks: [[UInt8]] = []
    private var firstChunk = 0
    /// How many bytes there were.
    package private(set) var size = 0
    /// Where the kept bytes start.
    package private(set) var start = 0
    /// How many newlines the dropped bytes had.
    package private(set) var droppedNewlines = 0

    package init(limit: Int) {
        self.limit = limit
    }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        var rest = UnsafeRawBufferPointer(rebasing: bytes[...])
        while !rest.isEmpty {
            if chunks.isEmpty || chunks[chunks.count - 1].count == Self.chunkBytes { beginChunk() }
            let last = chunks.count - 1
            let count = min(rest.count, Self.chunkBytes - chunks[last].count)
            chunks[last].append(contentsOf: UnsafeRawBufferPointer(rebasing: rest[..<count]))
            size += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    private mutating func beginChunk() {
        if size - start >= limit + Self.chunkBytes {
            start += chunks[firstChunk].count
            droppedNewlines += chunks[firstChunk].withUnsafeBytes(LineBounds.newlines)
            chunks[firstChunk] = []
            firstChunk += 1
            // The empty ones go now and then, as moving the others takes time.
            if firstChunk > 64 {
                chunks.removeFirst(firstChunk)
                firstChunk = 0
            }
        }
        var chunk: [UInt8] = []
        chunk.reserveCapacity(Self.chunkBytes)
        chunks.append(chunk)
    }

    /// - Returns: `nil` if not all of it is kept.
    func piece(from offset: Int, count: Int) -> [UInt8]? {
        guard offset >= start, count >= 0, offset + count <= size else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        // All chunks but the last are full.
        var position = offset - start
        while bytes.count < count {
            let chunk = chunks[firstChunk + position / Self.chunkBytes]
            let from = position % Self.chunkBytes
            let part = chunk[from..<min(chunk.count, from + count - bytes.count)]
            bytes += part
            position += part.count
        }
        return bytes
    }
}
