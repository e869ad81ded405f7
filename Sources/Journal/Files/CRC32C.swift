private import CChecksum

/// The Castagnoli checksum (RFC 3720, appendix B.4): by the processor's instruction, or by a table where it has none.
enum CRC32C {
    /// Of the bytes, or of what `checksum` is of followed by the bytes.
    static func of(_ bytes: UnsafeRawBufferPointer, continuing checksum: UInt32 = 0) -> UInt32 {
        guard checksum_has_instruction() != 0 else { return byTable(bytes, continuing: checksum) }
        return ~checksum_by_instruction(~checksum, bytes.baseAddress, bytes.count)
    }

    /// The same, sixteen bytes at a step.
    static func byTable(_ bytes: UnsafeRawBufferPointer, continuing checksum: UInt32 = 0) -> UInt32 {
        guard var next = bytes.baseAddress else { return checksum }
        let table = tables
        let end = next + bytes.count
        var crc = ~checksum
        while end - next >= 16 {
            let low = UInt64(littleEndian: next.loadUnaligned(as: UInt64.self)) ^ UInt64(crc)
            let high = UInt64(littleEndian: next.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            crc =
                table[0xF00 + Int(low & 0xFF)] ^ table[0xE00 + Int(low >> 8 & 0xFF)]
                ^ table[0xD00 + Int(low >> 16 & 0xFF)] ^ table[0xC00 + Int(low >> 24 & 0xFF)]
            crc ^=
                table[0xB00 + Int(low >> 32 & 0xFF)] ^ table[0xA00 + Int(low >> 40 & 0xFF)]
                ^ table[0x900 + Int(low >> 48 & 0xFF)] ^ table[0x800 + Int(low >> 56)]
            crc ^=
                table[0x700 + Int(high & 0xFF)] ^ table[0x600 + Int(high >> 8 & 0xFF)]
                ^ table[0x500 + Int(high >> 16 & 0xFF)] ^ table[0x400 + Int(high >> 24 & 0xFF)]
            crc ^=
                table[0x300 + Int(high >> 32 & 0xFF)] ^ table[0x200 + Int(high >> 40 & 0xFF)]
                ^ table[0x100 + Int(high >> 48 & 0xFF)] ^ table[Int(high >> 56)]
            next += 16
        }
        while next < end {
            crc = table[Int((crc ^ UInt32(next.load(as: UInt8.self))) & 0xFF)] ^ crc >> 8
            next += 1
        }
        return ~crc
    }

    /// Table k gives a byte's part in the checksum with k bytes after it. Unsafe only by its type: written once, here, and never freed.
    private nonisolated(unsafe) static let tables: UnsafePointer<UInt32> = {
        let tables = UnsafeMutablePointer<UInt32>.allocate(capacity: 16 * 256)
        for byte in 0..<256 {
            tables[byte] = (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
        }
        for index in 256..<16 * 256 {
            let before = tables[index - 256]
            tables[index] = tables[Int(before & 0xFF)] ^ before >> 8
        }
        return UnsafePointer(tables)
    }()
}
