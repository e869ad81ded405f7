/// Writes JSON from front to back, without values in between: a heat map of 1,000 ranks has hundreds of thousands of numbers.
struct JSONText {
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    init() { bytes.reserveCapacity(4096) }

    /// An object as a whole text.
    static func object(_ fill: (inout JSONText) -> Void) -> [UInt8] {
        var text = JSONText()
        text.object(fill)
        return text.bytes
    }

    // MARK: values

    mutating func object(_ fill: (inout JSONText) -> Void) {
        open(UInt8(ascii: "{"))
        fill(&self)
        close(UInt8(ascii: "}"))
    }

    mutating func array<Elements: Sequence>(
        _ elements: Elements, _ write: (inout JSONText, Elements.Element) -> Void
    ) {
        open(UInt8(ascii: "["))
        for element in elements { write(&self, element) }
        close(UInt8(ascii: "]"))
    }

    mutating func null() { value("null") }
    mutating func bool(_ bool: Bool) { value(bool ? "true" : "false") }
    mutating func int(_ int: some BinaryInteger) { value("\(int)") }

    /// What JSON has no number for is `null`.
    mutating func number(_ number: Double?) {
        guard let number, number.isFinite else { return null() }
        if number == number.rounded(), abs(number) < 0x1p53 { return int(Int64(number)) }
        value("\(number)")
    }

    /// Seconds with at most three decimals.
    mutating func time(_ seconds: Double?) {
        number(seconds.map { ($0 * 1000).rounded() / 1000 })
    }

    mutating func string(_ text: String) {
        comma()
        needsComma = true
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { append(escaping: $0) }
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func strings(_ texts: some Sequence<String>) {
        array(texts) { $0.string($1) }
    }

    // MARK: members

    mutating func key(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    mutating func member(_ name: String, _ text: String?) {
        key(name)
        if let text { string(text) } else { null() }
    }

    mutating func member(_ name: String, _ number: (some BinaryInteger)?) {
        key(name)
        if let number { int(number) } else { null() }
    }

    mutating func member(_ name: String, _ bool: Bool) {
        key(name)
        self.bool(bool)
    }

    mutating func member(_ name: String, number: Double?) {
        key(name)
        self.number(number)
    }

    mutating func member(_ name: String, time: Double?) {
        key(name)
        self.time(time)
    }

    mutating func member<Elements: Sequence>(
        _ name: String, array elements: Elements, _ write: (inout JSONText, Elements.Element) -> Void
    ) {
        key(name)
        array(elements, write)
    }

    // MARK: bytes

    private mutating func open(_ byte: UInt8) {
        comma()
        bytes.append(byte)
        needsComma = false
    }

    private mutating func close(_ byte: UInt8) {
        bytes.append(byte)
        needsComma = true
    }

    private mutating func value(_ text: String) {
        comma()
        needsComma = true
        bytes += text.utf8
    }

    private mutating func comma() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private static let digits = Array("0123456789abcdef".utf8)

    private mutating func append(escaping text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        for (index, byte) in text.enumerated()
        where byte < 0x20 || byte == 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
            bytes += text[start..<index]
            start = index + 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            default:
                bytes += "\\u00".utf8
                bytes += [Self.digits[Int(byte >> 4)], Self.digits[Int(byte & 15)]]
            }
        }
        bytes += text[start...]
    }
}
