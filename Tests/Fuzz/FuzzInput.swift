/// An input taken apart: numbers from its front, then the rest as pieces.
struct FuzzInput {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        rest = bytes[...]
    }

    /// The next byte; 0 at the end.
    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// The next `Number`, big-endian; what is missing at the end counts as 0.
    mutating func number<Number: FixedWidthInteger>() -> Number {
        (0..<(Number.bitWidth / 8)).reduce(into: Number(0)) { number, _ in
            number = number << 8 | Number(truncatingIfNeeded: byte())
        }
    }

    /// The rest.
    mutating func all() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }

    /// The rest as parts between bytes 0xFF, which are in no UTF-8; at most so many.
    mutating func parts(_ most: Int) -> [[UInt8]] {
        all().split(separator: 0xFF, maxSplits: most - 1, omittingEmptySubsequences: false).map(Array.init)
    }
}

extension [UInt8] {
    /// As text, with U+FFFD where it is no UTF-8.
    var text: String { String(decoding: self, as: UTF8.self) }

    /// In pieces of so many bytes.
    func pieces(of size: Int) -> [ArraySlice<UInt8>] {
        stride(from: 0, to: count, by: Swift.max(1, size)).map { self[$0..<Swift.min(count, $0 + Swift.max(1, size))] }
    }

    /// Lends the bytes to functions that take raw ones.
    func raw<Answer>(_ body: (UnsafeRawBufferPointer) -> Answer) -> Answer {
        withUnsafeBytes(body)
    }
}
