/// Takes a line of Prometheus's text format 0.0.4 apart, from its beginning: `name{label="value"} 1 1700000000000`.
///
/// It stands in this target because self-metrics and XPUTimer's page are read with it, and their targets don't know each other.
package struct PrometheusLine {
    /// A line with more labels is malformed; nothing honest has more than some dozens.
    private static let mostLabels = 1024

    /// What has not been taken yet, with the line's own indices.
    package private(set) var rest: Substring.UTF8View

    /// - Parameter line: without its end.
    package init(_ line: Substring.UTF8View) {
        rest = line
    }

    package var isAtEnd: Bool { rest.isEmpty }

    /// Passes over spaces, tabs and the `\r` of a line that ended with `\r\n`.
    package mutating func skipSpaces() {
        rest = rest.drop(while: Self.isSpace)
    }

    /// Takes the name of a metric, which may have colons, or of a label; `nil` if none begins here.
    package mutating func takeName(allowsColon: Bool) -> String? {
        let name = rest.prefix { Self.isNameByte($0) || (allowsColon && $0 == UInt8(ascii: ":")) }
        guard let first = name.first, !Self.isDigit(first) else { return nil }
        rest = rest[name.endIndex...]
        return String(Substring(name))
    }

    /// Takes everything up to the next space; `nil` if there is nothing.
    package mutating func takeWord() -> String? {
        let word = rest.prefix { !Self.isSpace($0) }
        guard !word.isEmpty else { return nil }
        rest = rest[word.endIndex...]
        return String(Substring(word))
    }

    /// Takes the labels with their braces; none if there are no braces, `nil` if they are malformed.
    package mutating func takeLabels() -> [String: String]? {
        var labels: [String: String] = [:]
        guard takeByte("{") else { return labels }
        while labels.count <= Self.mostLabels {
            skipSpaces()
            if takeByte("}") { return labels }
            guard let name = takeName(allowsColon: false) else { return nil }
            skipSpaces()
            guard takeByte("=") else { return nil }
            skipSpaces()
            guard let value = takeQuoted() else { return nil }
            labels[name] = value
            skipSpaces()
            guard takeByte(",") || rest.first == UInt8(ascii: "}") else { return nil }
        }
        return nil
    }

    /// Takes a label's value, in which `\n`, `\\` and `\"` are escapes; before any other character a backslash stands for itself.
    private mutating func takeQuoted() -> String? {
        guard takeByte("\"") else { return nil }
        var value: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: value, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                switch escaped {
                case UInt8(ascii: "n"): value.append(UInt8(ascii: "\n"))
                case UInt8(ascii: "\\"), UInt8(ascii: "\""): value.append(escaped)
                default: value += [byte, escaped]
                }
            default: value.append(byte)
            }
        }
        return nil
    }

    private mutating func takeByte(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
        default: isDigit(byte)
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
