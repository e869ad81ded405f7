/// Recognizes the JSON of an origin that is, byte for byte, as `MetricOrigin` writes it, so that it need not be read and written anew.
///
/// It may miss some: with numbers of 19 digits, with other characters than ASCII, with escapes.
struct OriginText {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var index = 0

    static func isCanonical(_ json: ArraySlice<UInt8>) -> Bool {
        guard json.count <= MetricOrigin.largest else { return false }
        return json.withUnsafeBufferPointer { bytes in
            var text = OriginText(bytes)
            return text.isWhole()
        }
    }

    private init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    private mutating func isWhole() -> Bool {
        guard take(#"{"path": ""#), takeString(), take(#", "device": "#), takeNumber(), take(#", "inode": "#),
            takeNumber(),
            take(#", "first_offset": "#), takeNumber(), take(#", "end_offset": "#), takeNumber(),
            take(#", "lines": "#), takeNumber()
        else { return false }
        if take(#", "first_time": "#), !takeTime() { return false }
        if take(#", "last_time": "#), !takeTime() { return false }
        if take(#", "run": ""#), !takeString() { return false }
        if take(#", "attempt": "#), !takeNumber() { return false }
        if take(#", "local_rank": "#), !takeNumber() { return false }
        if take(#", "stream": ""#), !takeString() { return false }
        if take(#", "streams": ""#), !takeString() { return false }
        _ = take(#", "shed": true"#)
        return take("}") && index == bytes.count
    }

    private mutating func take(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard index + count <= bytes.count else { return false }
        for offset in 0..<count where bytes[index + offset] != text.utf8Start[offset] { return false }
        index += count
        return true
    }

    /// The rest of a string, with its quote.
    private mutating func takeString() -> Bool {
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "\"") { return true }
            guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\\") else { return false }
        }
        return false
    }

    private mutating func takeNumber(longest: Int = 18) -> Bool {
        let start = index
        while index < bytes.count, bytes[index] &- 0x30 < 10 { index += 1 }
        return 1...longest ~= index - start && (index - start == 1 || bytes[start] != 0x30)
    }

    /// Seconds with three decimals, below 10 to the power of 12.
    private mutating func takeTime() -> Bool {
        guard takeNumber(longest: 12), take(".") else { return false }
        let start = index
        while index < bytes.count, bytes[index] &- 0x30 < 10 { index += 1 }
        return index - start == 3
    }
}
