private import Glibc

/// Repairs escapes of half a surrogate pair (`\ud800`) in the inside of a JSON string. Python's `json` accepts them and makes a text that
/// can be neither logged nor encoded.
enum SurrogateRepair {
    /// `escaped` with `\ufffd` in place of each half; itself, uncopied, if it has none.
    static func repair(_ escaped: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard mayHaveSurrogate(escaped) else { return escaped }
        let halves = unpaired(in: escaped)
        guard !halves.isEmpty else { return escaped }
        var repaired = Array(escaped)
        for half in halves {
            let start = half - escaped.startIndex
            repaired.replaceSubrange(start..<(start + 6), with: #"\ufffd"#.utf8)
        }
        return repaired[...]
    }

    /// Whether there is any half.
    static func hasHalf(_ escaped: ArraySlice<UInt8>) -> Bool {
        mayHaveSurrogate(escaped) && !unpaired(in: escaped).isEmpty
    }

    /// Whether any escape begins like a surrogate's. This runs over the content of every metric, so it must be fast.
    private static func mayHaveSurrogate(_ escaped: ArraySlice<UInt8>) -> Bool {
        escaped.withUnsafeBytes { bytes in
            guard var rest = bytes.baseAddress else { return false }
            let end = rest + bytes.count
            while let backslash = memchr(rest, CInt(UInt8(ascii: "\\")), end - rest) {
                // A checked string has a byte after each backslash, and four after `\u`.
                if backslash.load(fromByteOffset: 1, as: UInt8.self) == UInt8(ascii: "u"),
                    backslash.load(fromByteOffset: 2, as: UInt8.self) | 0x20 == UInt8(ascii: "d")
                {
                    return true
                }
                rest = UnsafeRawPointer(backslash) + 2
            }
            return false
        }
    }

    /// The indices of the backslashes.
    private static func unpaired(in escaped: ArraySlice<UInt8>) -> [Int] {
        var halves: [Int] = []
        var index = escaped.startIndex
        while let backslash = escaped[index...].firstIndex(of: UInt8(ascii: "\\")) {
            switch EscapedUnit.surrogate(at: backslash, in: escaped) {
            case .high where EscapedUnit.surrogate(at: backslash + 6, in: escaped) == .low: index = backslash + 12
            case .high, .low:
                halves.append(backslash)
                index = backslash + 6
            case nil: index = backslash + 2
            }
        }
        return halves
    }
}

/// One character in the inside of a JSON string that has been checked: a plain one, an escape, or a surrogate pair of two.
struct EscapedUnit {
    enum Surrogate { case high, low }

    /// How many bytes it takes as it stands.
    let length: Int
    /// How many bytes of UTF-8 it stands for.
    let plainLength: Int
    let isNewline: Bool

    /// The one that begins at `index`.
    init(at index: Int, in escaped: ArraySlice<UInt8>) {
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
    static func surrogate(at index: Int, in escaped: ArraySlice<UInt8>) -> Surrogate? {
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
