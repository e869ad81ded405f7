/// A pickle's bytes and a place in them. Reads the arguments of opcodes, which are little-endian.
struct PickleInput {
    private let bytes: ArraySlice<UInt8>
    private var index: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        index = bytes.startIndex
    }

    var isAtEnd: Bool { index == bytes.endIndex }

    mutating func takeByte() throws(PickleError) -> UInt8 {
        guard index < bytes.endIndex else { throw error("it ends too early") }
        defer { index += 1 }
        return bytes[index]
    }

    mutating func takeBytes(_ count: Int) throws(PickleError) -> ArraySlice<UInt8> {
        guard count <= bytes.endIndex - index else { throw error("it ends too early") }
        defer { index += count }
        return bytes[index..<(index + count)]
    }

    mutating func takeUnsigned(_ count: Int) throws(PickleError) -> Int {
        let value = try takeBytes(count).reversed().reduce(into: UInt64(0)) { $0 = $0 << 8 | UInt64($1) }
        guard let value = Int(exactly: value) else { throw error("a length beyond 63 bits", back: count) }
        return value
    }

    /// A number in two's complement, of 0 to 8 bytes.
    mutating func takeSigned(_ count: Int) throws(PickleError) -> Int {
        guard count <= 8 else { throw error("a number of more than 8 bytes", back: 1) }
        let digits = try takeBytes(count)
        let isNegative = digits.last.map { $0 >= 0x80 } ?? false
        return digits.reversed().reduce(into: isNegative ? -1 : 0) { $0 = $0 << 8 | Int($1) }
    }

    mutating func takeDouble() throws(PickleError) -> Double {
        Double(bitPattern: try takeBytes(8).reduce(into: 0) { $0 = $0 << 8 | UInt64($1) })
    }

    mutating func takeString(_ count: Int) throws(PickleError) -> String {
        guard let text = String(validating: try takeBytes(count), as: UTF8.self) else {
            throw error("a string is not valid UTF-8", back: count)
        }
        return text
    }

    /// The text before the next newline, which is taken too.
    mutating func takeLine() throws(PickleError) -> String {
        guard let end = bytes[index...].prefix(1024).firstIndex(of: 0x0A) else { throw error("a line has no end") }
        let line = try takeString(end - index)
        index += 1
        return line
    }

    /// An error `back` bytes before the current place.
    func error(_ reason: String, back: Int = 0) -> PickleError {
        PickleError(offset: index - bytes.startIndex - back, reason: reason)
    }
}
