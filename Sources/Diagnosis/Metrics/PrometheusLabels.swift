/// The labels of a sample in Prometheus' text format: `{name="value",other="with \" and }"}`.
enum PrometheusLabels {
    /// How many bytes the labels take that `text` begins with, braces included; `nil` if they are malformed.
    static func length(in text: Substring.UTF8View) -> Int? {
        var rest = text.dropFirst()
        skipBlanks(&rest)
        while rest.first != UInt8(ascii: "}") {
            guard takePair(&rest) else { return nil }
            skipBlanks(&rest)
            if rest.first == UInt8(ascii: ",") {
                rest.removeFirst()
                skipBlanks(&rest)
            } else if rest.first != UInt8(ascii: "}") {
                return nil
            }
        }
        return text.count - rest.count + 1
    }

    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// Takes `name="value"`.
    private static func takePair(_ rest: inout Substring.UTF8View) -> Bool {
        let name = rest.prefix(while: isNameByte)
        guard let first = name.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
        rest = rest.dropFirst(name.count)
        skipBlanks(&rest)
        guard rest.popFirst() == UInt8(ascii: "=") else { return false }
        skipBlanks(&rest)
        guard rest.popFirst() == UInt8(ascii: "\"") else { return false }
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") { return true }
            if byte == UInt8(ascii: "\\"), rest.popFirst() == nil { return false }
        }
        return false
    }

    private static func skipBlanks(_ rest: inout Substring.UTF8View) {
        rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    }
}
