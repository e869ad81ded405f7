extension [UInt8] {
    /// Appends the number's bytes, the highest first.
    package mutating func append(bigEndian number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
    }

    /// Writes the number's bytes over those at `index`.
    mutating func replace(at index: Int, bigEndian number: UInt32) {
        Swift.withUnsafeBytes(of: number.bigEndian) { replaceSubrange(index..<index + 4, with: $0) }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Writes the number's bytes, the highest first, at any offset.
    func store(bigEndian number: some FixedWidthInteger & BitwiseCopyable, at offset: Int) {
        storeBytes(of: number.bigEndian, toByteOffset: offset, as: type(of: number))
    }
}

/// Reads numbers and bytes one after the other; answers `nil` where too few are left.
struct BigEndianReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var index = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number? {
        let size = MemoryLayout<Number>.size
        guard bytes.count - index >= size else { return nil }
        defer { index += size }
        return Number(bigEndian: bytes.loadUnaligned(fromByteOffset: index, as: type))
    }

    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard count >= 0, bytes.count - index >= count else { return nil }
        defer { index += count }
        return [UInt8](bytes[index..<index + count])
    }
}
