/// FNV-1a with 64 bits (draft-eastlake-fnv): a hash that is the same in every process. It is stored, so it must never change.
package struct StableHash: Hashable, Sendable {
    package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    @inline(__always) package mutating func add(_ byte: UInt8) {
        value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }

    package mutating func add(contentsOf bytes: UnsafeBufferPointer<UInt8>) {
        for byte in bytes { add(byte) }
    }

    /// A short name for a text: 16 hexadecimal digits.
    package static func hex(of text: String) -> String {
        var hash = StableHash()
        for byte in text.utf8 { hash.add(byte) }
        let digits = String(hash.value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
