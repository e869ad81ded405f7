/// One line of Prometheus's text format with a number: `name{label="value"} 1`, perhaps with a timestamp at the end.
public struct PrometheusSample: Hashable, Sendable {
    public let name: String
    public let labels: [String: String]
    public let value: Double

    /// Reads a line; `nil` if it is anything else, such as a comment, a line that was cut, or HTML.
    public init?(_ line: some StringProtocol) {
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
