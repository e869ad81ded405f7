internal import SystemSupport

/// What a file holds, by its first bytes, whatever its name says.
enum InputFormat: Hashable {
    /// UTF-8 or anything like it.
    case text
    case gzip
    case utf16(isBigEndian: Bool)
    /// What arobust doesn't read.
    case other(name: String, command: String)

    /// How many first bytes tell.
    static let headBytes = 512

    init(head: [UInt8]) {
        if let other = Self.others.first(where: { $0.matches(head) }) {
            self = .other(name: other.name, command: other.command)
        } else if GzipReader.isGzip(head) {
            self = .gzip
        } else {
            self = Self.utf16(head) ?? .text
        }
    }

    /// What is written before `| arobust diagnose` to read it; `FILE` stands for the path.
    private struct Other {
        let name: String
        let command: String
        var offset = 0
        let magic: [UInt8]

        func matches(_ head: [UInt8]) -> Bool { head.dropFirst(offset).starts(with: magic) }
    }

    private static let others = [
        Other(name: "compressed with zstd", command: "zstd -dc FILE", magic: [0x28, 0xB5, 0x2F, 0xFD]),
        Other(name: "compressed with xz", command: "xz -dc FILE", magic: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]),
        Other(
            name: "compressed with bzip2", command: "bzip2 -dc FILE", offset: 4,
            magic: [0x31, 0x41, 0x59, 0x26, 0x53, 0x59]),
        Other(name: "compressed with lz4", command: "lz4 -dc FILE", magic: [0x04, 0x22, 0x4D, 0x18]),
        Other(name: "compressed with lzip", command: "lzip -dc FILE", magic: Array("LZIP".utf8)),
        Other(name: "compressed with compress", command: "gzip -dc FILE", magic: [0x1F, 0x9D]),
        Other(name: "a zip archive", command: "unzip -p FILE", magic: [0x50, 0x4B, 0x03, 0x04]),
        Other(name: "a zip archive", command: "unzip -p FILE", magic: [0x50, 0x4B, 0x05, 0x06]),
        Other(
            name: "a 7z archive", command: "7z x -so FILE", magic: [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]),
        Other(name: "a tar archive", command: "tar -xOf FILE", offset: 257, magic: Array("ustar".utf8)),
        Other(name: "systemd's journal", command: "journalctl --file FILE", magic: Array("LPKSHHRH".utf8)),
        Other(name: "UTF-32", command: "iconv -f UTF-32 -t UTF-8 FILE", magic: [0xFF, 0xFE, 0x00, 0x00]),
        Other(name: "UTF-32", command: "iconv -f UTF-32 -t UTF-8 FILE", magic: [0x00, 0x00, 0xFE, 0xFF]),
    ]

    /// With a byte order mark; or without one where nearly every other byte is NUL, as in UTF-16 of plain English.
    private static func utf16(_ head: [UInt8]) -> InputFormat? {
        if head.starts(with: [0xFF, 0xFE]) { return .utf16(isBigEndian: false) }
        if head.starts(with: [0xFE, 0xFF]) { return .utf16(isBigEndian: true) }
        let pairs = head.count / 2
        guard pairs >= 8 else { return nil }
        let even = (0..<pairs).count { head[$0 * 2] == 0 }
        let odd = (0..<pairs).count { head[$0 * 2 + 1] == 0 }
        if odd * 10 >= pairs * 9, even == 0 { return .utf16(isBigEndian: false) }
        if even * 10 >= pairs * 9, odd == 0 { return .utf16(isBigEndian: true) }
        return nil
    }
}

/// Makes UTF-8 of UTF-16, piece by piece.
struct UTF16Text {
    let isBigEndian: Bool
    private var half: UInt8?
    private var high: UInt32?
    private var isFirst = true

    init(isBigEndian: Bool) {
        self.isBigEndian = isBigEndian
    }

    /// Half a surrogate pair becomes U+FFFD, as does an odd last byte with `finish`.
    mutating func decode(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count / 2 + 8)
        for byte in bytes {
            guard let first = half else {
                half = byte
                continue
            }
            half = nil
            let unit = isBigEndian ? UInt32(first) << 8 | UInt32(byte) : UInt32(byte) << 8 | UInt32(first)
            append(unit, to: &text)
        }
        return text
    }

    /// What is left at the text's end.
    mutating func finish() -> [UInt8] {
        var text: [UInt8] = []
        if high != nil || half != nil { Self.append("\u{FFFD}", to: &text) }
        (high, half) = (nil, nil)
        return text
    }

    private mutating func append(_ unit: UInt32, to text: inout [UInt8]) {
        let isMark = isFirst && unit == 0xFEFF
        isFirst = false
        if isMark { return }
        if unit < 0x80, high == nil { return text.append(UInt8(unit)) }
        if let first = high {
            high = nil
            if (0xDC00..<0xE000).contains(unit) {
                let value = 0x10000 + (first - 0xD800) << 10 + (unit - 0xDC00)
                return Self.append(Unicode.Scalar(value) ?? "\u{FFFD}", to: &text)
            }
            Self.append("\u{FFFD}", to: &text)
        }
        if (0xD800..<0xDC00).contains(unit) {
            high = unit
        } else {
            Self.append(Unicode.Scalar(unit) ?? "\u{FFFD}", to: &text)
        }
    }

    private static func append(_ scalar: Unicode.Scalar, to text: inout [UInt8]) {
        text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
}
