/// Takes a line of Prometheus's text format apart, from its beginning.
struct SampleReader {
    private var rest: ArraySlice<UInt8>

    init(_ line: some StringProtocol) {
        rest = Array(line.utf8)[...]
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func skipSpaces() {
        rest = rest.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
    }

    /// A name of a metric or a label.
    mutating func word(allowsColon: Bool) -> String? {
        let word = rest.prefix { byte in
            (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte)
                || byte == 0x5F || (byte == 0x3A && allowsColon)
        }
        guard let first = word.first, !(0x30...0x39).contains(first) else { return nil }
        rest = rest[word.endIndex...]
        return String(decoding: word, as: UTF8.self)
    }

    /// Everything up to a space.
    mutating func text() -> String? {
        let text = rest.prefix { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }
        guard !text.isEmpty else { return nil }
        rest = rest[text.endIndex...]
        return String(decoding: text, as: UTF8.self)
    }

    /// The labels with their braces; none if there are no braces, `nil` if they are malformed.
    mutating func labels() -> [String: String]? {
        var labels: [String: String] = [:]
        guard take(0x7B) else { return labels }
        while true {
            skipSpaces()
            if take(0x7D) { return labels }
            guard let name = word(allowsColon: false) else { return nil }
            skipSpaces()
            guard take(0x3D) else { return nil }
            skipSpaces()
            guard let value = quoted() else { return nil }
            labels[name] = value
            skipSpaces()
            guard take(0x2C) || rest.first == 0x7D else { return nil }
        }
    }

    private mutating func quoted() -> String? {
        guard take(0x22) else { return nil }
        var value: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case 0x22: return String(decoding: value, as: UTF8.self)
            case 0x5C:
                guard let escaped = rest.popFirst() else { return nil }
                switch escaped {
                case 0x6E: value.append(0x0A)
                case 0x5C, 0x22: value.append(escaped)
                default: value += [byte, escaped]
                }
            default: value.append(byte)
            }
        }
        return nil
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard rest.first == byte else { return false }
        rest.removeFirst()
        return true
    }
}

/// A number of a series as it is written.
struct MetricSample: Equatable {
    /// What follows the metric's name: `_sum`, `_count`, or nothing.
    var suffix = ""
    /// The number in the text format.
    let value: String
}

/// One line of Prometheus's text format with a number: `name{label="value"} 1`, perhaps with a timestamp at the end.
package struct PrometheusSample: Hashable, Sendable {
    package let name: String
    package let labels: [String: String]
    package let value: Double

    /// Reads a line; `nil` if it is anything else, such as a comment, a line that was cut, or HTML.
    package init?(_ line: some StringProtocol) {
        var reader = SampleReader(line)
        reader.skipSpaces()
        guard let name = reader.word(allowsColon: true) else { return nil }
        reader.skipSpaces()
        guard let labels = reader.labels() else { return nil }
        reader.skipSpaces()
        guard let text = reader.text(), let value = Self.number(text) else { return nil }
        reader.skipSpaces()
        if let timestamp = reader.text() {
            guard Double(timestamp) != nil else { return nil }
            reader.skipSpaces()
        }
        guard reader.isAtEnd else { return nil }
        self.name = name
        self.labels = labels
        self.value = value
    }

    private static func number(_ text: String) -> Double? {
        switch text {
        case "+Inf", "Inf": .infinity
        case "-Inf": -.infinity
        default: Double(text)
        }
    }
}
