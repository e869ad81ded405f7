/// The 16 bytes that name a publisher for as long as its state directory lives. Random, written like a UUID.
public struct PublisherID: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    /// A new, random id.
    public init() {
        high = .random(in: .min ... .max)
        low = .random(in: .min ... .max)
    }

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the form that `description` writes.
    public init?(_ text: String) {
        let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
        guard digits.count == 32, text.utf8.count == 36,
            let high = UInt64(String(decoding: digits.prefix(16), as: UTF8.self), radix: 16),
            let low = UInt64(String(decoding: digits.suffix(16), as: UTF8.self), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }

    /// The two halves, most significant first: as on the wire, big-endian.
    public var words: (high: UInt64, low: UInt64) { (high, low) }
}

extension PublisherID: CustomStringConvertible {
    public var description: String {
        func hex(_ value: UInt64, digits: Int) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
        }
        return [
            hex(high >> 32, digits: 8), hex(high >> 16 & 0xFFFF, digits: 4), hex(high & 0xFFFF, digits: 4),
            hex(low >> 48, digits: 4), hex(low & 0xFFFF_FFFF_FFFF, digits: 12),
        ].joined(separator: "-")
    }
}
