internal import Glibc

/// Looks at the bytes of one line without copying them.
struct LineBytes {
    let bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var count: Int { bytes.count }

    subscript(index: Int) -> UInt8 { bytes[index] }

    /// The rest of the line after so many bytes.
    func dropping(_ count: Int) -> LineBytes {
        LineBytes(UnsafeRawBufferPointer(rebasing: bytes[min(count, bytes.count)...]))
    }

    /// Not more than so many bytes from its front.
    func first(_ count: Int) -> LineBytes {
        LineBytes(UnsafeRawBufferPointer(rebasing: bytes[..<min(count, bytes.count)]))
    }

    func starts(_ text: StaticString) -> Bool {
        guard let base = bytes.baseAddress, bytes.count >= text.utf8CodeUnitCount else { return false }
        return memcmp(base, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    func ends(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard let base = bytes.baseAddress, bytes.count >= length else { return false }
        return memcmp(base + (bytes.count - length), text.utf8Start, length) == 0
    }

    /// - Parameter rarest: where in the text its rarest letter is, by which it is searched for.
    func contains(_ text: StaticString, rarest: Int = 0) -> Bool { find(text, rarest: rarest) != nil }

    /// Where the text is first found. It must not be empty.
    func find(_ text: StaticString, rarest: Int = 0) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        let last = bytes.count - text.utf8CodeUnitCount
        let letter = Int32(text.utf8Start[rarest])
        var start = 0
        while start <= last, let found = memchr(base + start + rarest, letter, last - start + 1) {
            start = UnsafeRawPointer(found) - base - rarest
            if memcmp(base + start, text.utf8Start, text.utf8CodeUnitCount) == 0 { return start }
            start += 1
        }
        return nil
    }

    /// Whether it has nothing but spaces, tabs and carriage returns.
    var isBlank: Bool {
        bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
    }

    /// How many digits there are from `start` on.
    func digits(from start: Int) -> Int {
        var end = start
        while end < bytes.count, isDigit(bytes[end]) { end += 1 }
        return end - start
    }

    /// Where the line that begins at `start` ends, its `\n` included; `nil` if there is no `\n`.
    static func end(from start: Int, in bytes: UnsafeRawBufferPointer) -> Int? {
        guard start < bytes.count, let base = bytes.baseAddress,
            let found = memchr(base + start, 0x0A, bytes.count - start)
        else { return nil }
        return UnsafeRawPointer(found) - base + 1
    }
}

@inline(__always) func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

@inline(__always) func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

@inline(__always) func isHexDigit(_ byte: UInt8) -> Bool { isDigit(byte) || (byte | 0x20) &- 0x61 < 6 }
