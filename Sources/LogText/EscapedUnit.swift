/// One character in the inside of a JSON string that has been checked: a plain one, an escape, or a surrogate pair of two.
package struct EscapedUnit {
    package enum Surrogate { case high, low }

    /// How many bytes it takes as it stands.
    package let length: Int
    /// How many bytes of UTF-8 it stands for.
    package let plainLength: Int
    package let isNewline: Bool

    /// The one that begins at `index`.
    package init(at index: Int, in escaped: ArraySlice<UInt8>) {
        let byte = escaped[index]
        guard byte == UInt8(ascii: "\\") else {
            let length = min(Self.utf8Length(from: byte), escaped.endIndex - index)
            self.init(length: length, plainLength: length)
            return
        }
        let code = escaped[index + 1]
        guard code == UInt8(ascii: "u") else {
            self.init(length: 2, plainLength: 1, isNewline: code == UInt8(ascii: "n"))
            return
        }
        if Self.surrogate(at: index, in: escaped) == .high, Self.surrogate(at: index + 6, in: escaped) == .low {
            self.init(length: 12, plainLength: 4)
            return
        }
        let unit = escaped[(index + 2)..<(index + 6)].reduce(0) { $0 << 4 | Self.digit($1) }
        self.init(length: 6, plainLength: unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3, isNewline: unit == 0x0A)
    }

    private init(length: Int, plainLength: Int, isNewline: Bool = false) {
        self.length = length
        self.plainLength = plainLength
        self.isNewline = isNewline
    }

    /// Which half of a surrogate pair the escape at `index` stands for; `nil` if there is no such escape.
    package static func surrogate(at index: Int, in escaped: ArraySlice<UInt8>) -> Surrogate? {
        guard index + 6 <= escaped.endIndex, escaped[index] == UInt8(ascii: "\\"),
            escaped[index + 1] == UInt8(ascii: "u"), digit(escaped[index + 2]) == 0xD
        else { return nil }
        let second = digit(escaped[index + 3])
        return second < 8 ? nil : second < 0xC ? .high : .low
    }

    private static func digit(_ byte: UInt8) -> Int {
        Int(byte & 0x0F) + (byte >= UInt8(ascii: "A") ? 9 : 0)
    }

    private static func utf8Length(from first: UInt8) -> Int {
        first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    }
}
