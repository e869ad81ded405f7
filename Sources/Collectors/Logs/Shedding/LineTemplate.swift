internal import LogText

/// A line without what changes from one repetition to the next: numbers, hexadecimal words and UUIDs are folded, spaces count once.
enum LineTemplate {
    static func hash(_ line: UnsafeRawBufferPointer) -> UInt64 {
        var hash = StableHash()
        var index = 0
        let bytes = UnsafeRawBufferPointer(rebasing: line.prefix(4096))
        while index < bytes.count {
            let byte = bytes[index]
            guard isDigit(byte) || isLetter(byte) else {
                index += 1
                if byte == 0x20, index < bytes.count, bytes[index] == 0x20 { continue }
                if byte != 0x0A, byte != 0x0D { hash.add(byte) }
                continue
            }
            let start = index
            var (hasDigit, isHex) = (false, true)
            while index < bytes.count, isDigit(bytes[index]) || isLetter(bytes[index]) {
                hasDigit = hasDigit || isDigit(bytes[index])
                isHex = isHex && (isHexDigit(bytes[index]) || (index == start + 1 && bytes[index] | 0x20 == 0x78))
                index += 1
            }
            if isUUID(start..<index, bytes) {
                hash.add(0x30)
                index = start + 36
            } else if hasDigit, isHex {
                hash.add(0x30)
            } else {
                var wasDigit = false
                for byte in bytes[start..<index] {
                    if !isDigit(byte) { hash.add(byte) } else if !wasDigit { hash.add(0x30) }
                    wasDigit = isDigit(byte)
                }
            }
        }
        return hash.value
    }

    /// Whether a UUID begins here.
    private static func isUUID(_ word: Range<Int>, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let start = word.lowerBound
        guard word.count == 8, start + 36 <= bytes.count else { return false }
        return [8, 13, 18, 23].allSatisfy { bytes[start + $0] == 0x2D }
            && (0..<36).allSatisfy { bytes[start + $0] == 0x2D || isHexDigit(bytes[start + $0]) }
    }
}

/// Remembers templates, at most so many: in two halves, of which the older one is forgotten when the newer is full.
struct TemplateSet: Sendable {
    private let half: Int
    private var newer: Set<UInt64> = []
    private var older: Set<UInt64> = []

    init(capacity: Int) {
        half = max(1, capacity / 2)
    }

    /// - Returns: whether it was new.
    mutating func insert(_ template: UInt64) -> Bool {
        if newer.contains(template) { return false }
        let isNew = !older.contains(template)
        if newer.count >= half {
            older = newer
            newer = []
        }
        newer.insert(template)
        return isNew
    }
}
