private import Glibc

/// Searching for a text in bytes.
enum ByteText {
    /// Whether `text` stands in `bytes` at `start`; there must be room.
    static func matches(_ text: [UInt8], _ bytes: UnsafeRawBufferPointer, at start: Int, ignoresCase: Bool) -> Bool {
        guard ignoresCase else {
            return text.withUnsafeBytes { text in
                guard let wanted = text.baseAddress, let base = bytes.baseAddress else { return true }
                return memcmp(wanted, base + start, text.count) == 0
            }
        }
        return text.indices.allSatisfy { folded(text[$0]) == folded(bytes[start + $0]) }
    }

    /// Where `text` stands first.
    static func find(_ text: [UInt8], in bytes: UnsafeRawBufferPointer, ignoresCase: Bool) -> Int? {
        guard text.count <= bytes.count, let base = bytes.baseAddress else { return nil }
        guard !ignoresCase else {
            return (0...(bytes.count - text.count)).first { matches(text, bytes, at: $0, ignoresCase: true) }
        }
        guard let first = text.first else { return 0 }
        var start = 0
        let last = bytes.count - text.count
        while start <= last, let found = memchr(base + start, Int32(first), last - start + 1) {
            start = UnsafeRawPointer(found) - base
            if matches(text, bytes, at: start, ignoresCase: false) { return start }
            start += 1
        }
        return nil
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
