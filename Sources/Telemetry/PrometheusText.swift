private import SystemSupport

/// Writes the pieces of Prometheus's text format 0.0.4.
enum PrometheusText {
    /// `# HELP` and `# TYPE`, then a line for each sample in the order of its labels; nothing if there is no series.
    static func family(_ name: String, _ family: MetricFamily, help: String?) -> String {
        guard !family.cells.isEmpty else { return "" }
        var text = help.map { "# HELP \(name) \(escaped($0, isLabel: false))\n" } ?? ""
        text += "# TYPE \(name) \(family.kind.rawValue)\n"
        for (labels, cell) in family.cells.sorted(by: { $0.key < $1.key }) {
            for sample in cell.samples {
                text += "\(name)\(sample.suffix)\(labels) \(sample.value)\n"
            }
        }
        return text
    }

    /// `{a="1",b="2"}`, sorted by name; of two with the same name the first counts. Empty without labels.
    static func labels(_ labels: [(String, String)]) -> String {
        var values: [String: String] = [:]
        for (name, value) in labels {
            let name = self.name(name, allowsColon: false)
            if values[name] == nil { values[name] = value }
        }
        guard !values.isEmpty else { return "" }
        let pairs = values.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(escaped(shown($0.value), isLabel: true))\"" }
        return "{\(pairs.joined(separator: ","))}"
    }

    /// A valid name, with `_` for each character that is not allowed: `http.requests` becomes `http_requests`.
    static func name(_ text: String, allowsColon: Bool = true) -> String {
        var name = ""
        for scalar in text.unicodeScalars {
            let isAllowed =
                ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
                || (scalar == ":" && allowsColon)
            if ("0"..."9").contains(scalar) {
                if name.isEmpty { name = "_" }
                name.unicodeScalars.append(scalar)
            } else {
                name.unicodeScalars.append(isAllowed ? scalar : "_")
            }
        }
        return name.isEmpty ? "_" : name
    }

    /// A number without an empty fraction.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        // Beyond 2^53 not every whole number has a value.
        guard value == value.rounded(), abs(value) < 0x1p53 else { return "\(value)" }
        return "\(Int64(value))"
    }

    /// A label's value without secrets and control characters: readers print it, and other programs may read the file.
    private static func shown(_ value: String) -> String {
        TerminalText.lines(SecretText.hidden(in: value))
    }

    private static func escaped(_ text: String, isLabel: Bool) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped.append(contentsOf: #"\\"#.unicodeScalars)
            case "\n": escaped.append(contentsOf: #"\n"#.unicodeScalars)
            case "\"" where isLabel: escaped.append(contentsOf: #"\""#.unicodeScalars)
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}

/// One line of Prometheus's text format with a number: `name{label="value"} 1`, perhaps with a timestamp at the end.
package struct PrometheusSample: Hashable, Sendable {
    package let name: String
    package let labels: [String: String]
    package let value: Double

    /// Reads a line; `nil` if it is anything else, such as a comment, a line that was cut, or HTML.
    package init?(_ text: some StringProtocol) {
        var line = PrometheusLine(Substring(text).utf8)
        line.skipSpaces()
        guard let name = line.takeName(allowsColon: true) else { return nil }
        line.skipSpaces()
        guard let labels = line.takeLabels() else { return nil }
        line.skipSpaces()
        guard let number = line.takeWord(), let value = Self.number(number) else { return nil }
        line.skipSpaces()
        if let timestamp = line.takeWord() {
            guard Double(timestamp) != nil else { return nil }
            line.skipSpaces()
        }
        guard line.isAtEnd else { return nil }
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
