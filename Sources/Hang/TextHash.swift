/// A short name for a text that is the same on every node and in every version: FNV-1a with 64 bits (draft-eastlake-fnv).
package enum TextHash {
    /// 16 hexadecimal digits.
    package static func hex(_ text: String) -> String {
        var value: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
