internal import YAML

/// A value in a rule file, read as the type that its key needs.
struct RuleValue {
    let key: String
    let node: YAMLNode
    let file: String

    /// The longest text that can be searched for, in bytes.
    private static let longestText = 256

    func text() throws(RuleTableError) -> String {
        guard let text = node.text, !text.isEmpty else { throw error("a text that is not empty") }
        return text
    }

    func ruleID() throws(RuleTableError) -> String {
        let id = try text()
        let isWord = id.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
            }
        }
        guard isWord, id.utf8.count <= 64 else {
            throw error("1 to 64 lower-case letters, digits, dots and hyphens")
        }
        return id
    }

    /// One text, or a list of them.
    func texts() throws(RuleTableError) -> [String] {
        var texts: [String] = []
        for item in items {
            guard let text = item.text, !text.isEmpty, text.utf8.count <= Self.longestText,
                !text.utf8.contains(where: LineBounds.isEnd)
            else { throw error("texts of 1 to \(Self.longestText) bytes without line ends") }
            texts.append(text)
        }
        return texts
    }

    func pattern() throws(RuleTableError) -> String {
        let pattern = try text()
        do throws(LinePatternError) {
            _ = try LinePattern(pattern, ignoresCase: false)
        } catch {
            throw self.error("a POSIX extended regular expression (\(error.reason))")
        }
        return pattern
    }

    func toggle() throws(RuleTableError) -> Bool {
        switch node.text {
        case "true": true
        case "false": false
        default: throw error("true or false")
        }
    }

    func number(in range: ClosedRange<Int>) throws(RuleTableError) -> Int {
        guard let number = node.text.flatMap({ Int($0) }), range.contains(number) else {
            throw error("a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func numbers(in range: ClosedRange<Int>) throws(RuleTableError) -> [Int] {
        var numbers: [Int] = []
        for item in items {
            numbers.append(try RuleValue(key: key, node: item, file: file).number(in: range))
        }
        return numbers
    }

    /// One of an enum's raw values.
    func choice<Word: CaseIterable & RawRepresentable<String>>() throws(RuleTableError) -> Word {
        guard let word = node.text.flatMap({ Word(rawValue: $0) }) else {
            throw error("one of " + Word.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return word
    }

    func duration() throws(RuleTableError) -> Duration {
        let text = node.text ?? ""
        let units = [("s", 1), ("m", 60), ("h", 3600)]
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), (1...86400).contains(number),
            let unit = units.first(where: { $0.0 == text.dropFirst(digits.count) })
        else { throw error("a duration with a unit (30s, 10m, 1h)") }
        return .seconds(number * unit.1)
    }

    private var items: [YAMLNode] {
        if case .sequence(let items) = node.content { items } else { [node] }
    }

    private func error(_ allowed: String) -> RuleTableError {
        let found = node.text.map { " is '\($0)'; it" } ?? ""
        return RuleTableError(place: "\(file):\(node.line)", reason: "\(key)\(found) must be \(allowed)")
    }
}
