/// Reads what stands before a program's own text, part by part.
package struct PrefixReader {
    package let bytes: UnsafeRawBufferPointer
    package var index = 0

    /// - Parameter limit: how far into the line it reads, in bytes.
    package init(_ bytes: UnsafeRawBufferPointer, limit: Int) {
        self.bytes = UnsafeRawBufferPointer(rebasing: bytes[..<min(bytes.count, limit)])
    }

    package var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    package mutating func consume(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard index + count <= bytes.count else { return false }
        for offset in 0..<count where bytes[index + offset] != text.utf8Start[offset] { return false }
        index += count
        return true
    }

    @discardableResult package mutating func skipSpaces() -> Int {
        let start = index
        while peek == 0x20 { index += 1 }
        return index - start
    }

    @discardableResult package mutating func skipDigits() -> Int {
        let start = index
        while let byte = peek, byte &- 0x30 < 10 { index += 1 }
        return index - start
    }

    mutating func skipLetters() {
        while let byte = peek, (byte | 0x20) &- 0x61 < 26 || byte == UInt8(ascii: "_") { index += 1 }
    }

    mutating func skipWord() {
        while let byte = peek, byte > 0x20, byte != UInt8(ascii: ":"), byte != UInt8(ascii: "|") { index += 1 }
    }

    mutating func number() -> Int? {
        let start = index
        var number = 0
        while let byte = peek, byte &- 0x30 < 10, index - start < 12 {
            number = number * 10 + Int(byte - 0x30)
            index += 1
        }
        return index > start ? number : nil
    }

    /// Continues behind the next occurrence of the text.
    mutating func skip(to text: StaticString) -> Bool {
        while index < bytes.count {
            if consume(text) { return true }
            index += 1
        }
        return false
    }
}
