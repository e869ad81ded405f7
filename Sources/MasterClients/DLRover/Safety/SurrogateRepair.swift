private import Glibc
internal import LogText

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
