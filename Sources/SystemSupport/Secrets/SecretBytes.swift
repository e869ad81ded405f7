func isPlain(_ byte: UInt8) -> Bool {
    isDigit(byte) || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
}

func isOfName(_ byte: UInt8) -> Bool {
    isPlain(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
}

func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
func isLower(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }
func isUpper(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") }
func isQuote(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") || byte == UInt8(ascii: "`")
}
func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
func isSpace(_ byte: UInt8) -> Bool { isBlank(byte) || byte == 0x0A }

/// Some of the ASCII characters.
struct ByteSet {
    private let members: [Bool]

    init(_ characters: String) {
        let bytes = Set(characters.utf8)
        members = (0...UInt8.max).map { bytes.contains($0) }
    }

    func contains(_ byte: UInt8) -> Bool { members[Int(byte)] }
}
