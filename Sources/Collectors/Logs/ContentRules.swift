internal import Glibc

/// What a log's bytes become before they are reported: everything stays as it is, byte for byte, apart from these rules.
///
/// 1. A run of four or more NULs is no content. It is what a hole in the file reads as, or what a crash left. Within a line it ends the line.
/// 2. Of a line with carriage returns within it, as progress bars write them, only the last state that is not empty counts, unless they are
///    to be kept. The return of a line that ends with `\r\n` stays.
/// 3. A byte-order mark at the file's start is no content.
struct ContentRules {
    /// A run of so many NULs or more is a hole; fewer may be data.
    static let leastHole = 4

    let keepsCarriageReturns: Bool

    /// The text of whole lines, or of a part of one, without its final newline.
    ///
    /// - Returns: the text as bytes, or `nil` if it is `raw` as it is, as nearly always; and how many NULs were left out.
    func rewritten(_ raw: UnsafeRawBufferPointer) -> (bytes: [UInt8], nulls: Int)? {
        guard let base = raw.baseAddress else { return nil }
        let hasNull = memchr(base, 0, raw.count) != nil
        let hasReturn = !keepsCarriageReturns && Self.hasReturnWithinLine(raw)
        guard hasNull || hasReturn else { return nil }
        var text = Array(raw)
        var nulls = 0
        if hasNull { (text, nulls) = Self.withoutHoles(text) }
        if hasReturn { text = Self.lastStates(text) }
        return (text, nulls)
    }

    /// Where the last state of a progress bar is that is not empty, between carriage returns.
    static func lastState(_ line: UnsafeRawBufferPointer) -> Range<Int>? {
        var end = line.count
        while end > 0 {
            let from = line[..<end].lastIndex(of: 0x0D).map { $0 + 1 } ?? 0
            if from < end { return from..<end }
            end = from - 1
        }
        return nil
    }

    /// Whether there is a carriage return anywhere. A long line that grows bit by bit is searched each time, so this must be fast.
    static func hasReturn(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.baseAddress.map { memchr($0, 0x0D, bytes.count) != nil } ?? false
    }

    /// How many NULs there are from the front on.
    static func leadingNulls(_ bytes: UnsafeRawBufferPointer) -> Int {
        bytes.firstIndex { $0 != 0 } ?? bytes.count
    }

    /// Where the first hole begins.
    static func firstHole(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        var from = 0
        while from < bytes.count, let found = memchr(base + from, 0, bytes.count - from) {
            let start = UnsafeRawPointer(found) - base
            let length = leadingNulls(UnsafeRawBufferPointer(rebasing: bytes[start...]))
            if length >= leastHole { return start }
            from = start + length
        }
        return nil
    }

    private static func hasReturnWithinLine(_ raw: UnsafeRawBufferPointer) -> Bool {
        guard let base = raw.baseAddress else { return false }
        var from = 0
        while from < raw.count, let found = memchr(base + from, 0x0D, raw.count - from) {
            let index = UnsafeRawPointer(found) - base
            if index + 1 < raw.count, raw[index + 1] != 0x0A { return true }
            from = index + 1
        }
        return false
    }

    private static func withoutHoles(_ bytes: [UInt8]) -> (bytes: [UInt8], nulls: Int) {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        var nulls = 0
        var index = 0
        while index < bytes.count {
            guard bytes[index] == 0 else {
                text.append(bytes[index])
                index += 1
                continue
            }
            let end = bytes[index...].firstIndex { $0 != 0 } ?? bytes.count
            if end - index < leastHole {
                text.append(contentsOf: bytes[index..<end])
            } else {
                nulls += end - index
                let isAtLineEnd = end == bytes.count || bytes[end] == 0x0A
                if !text.isEmpty, text.last != 0x0A, !isAtLineEnd { text.append(0x0A) }
            }
            index = end
        }
        return (text, nulls)
    }

    private static func lastStates(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        var isFirst = true
        bytes.withUnsafeBytes { bytes in
            for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
                if !isFirst { text.append(0x0A) }
                isFirst = false
                let line = UnsafeRawBufferPointer(rebasing: line)
                let endsWithReturn = line.last == 0x0D
                let content = UnsafeRawBufferPointer(rebasing: line.dropLast(endsWithReturn ? 1 : 0))
                guard content.contains(0x0D) else {
                    text.append(contentsOf: line)
                    continue
                }
                if let state = lastState(content) { text.append(contentsOf: content[state]) }
            }
        }
        return text
    }
}
