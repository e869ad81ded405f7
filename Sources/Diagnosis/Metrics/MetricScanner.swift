/// Reads through a metric's JSON once, strictly, and notes where its values are.
///
/// As strict as Python's `json`, which a master reads with, and stricter: no key may stand twice, and no other key at all.
struct MetricScanner {
    private static let keys =
        "timestamp, data_type, data_content, node_id, node_type, node_rank, is_final_result and need_report"

    private let json: ArraySlice<UInt8>
    private var index: Int

    private(set) var timestamp: Int64?
    private(set) var dataType: Range<Int>?
    private(set) var dataContent: Range<Int>?
    private(set) var nodeID: Int?
    private(set) var nodeType: Range<Int>?
    private(set) var nodeRank: Int?
    private(set) var isFinalResult: Bool?
    private(set) var needReport: Bool?

    init(_ json: ArraySlice<UInt8>) {
        self.json = json
        index = json.startIndex
    }

    mutating func scan() throws(MetricJSONError) {
        try checkUTF8()
        try expect("{", "a metric is a JSON object, which begins with '{'")
        skipSpace()
        if peek == UInt8(ascii: "}") {
            index += 1
        } else {
            repeat {
                skipSpace()
                try scanMember()
                skipSpace()
            } while skipIf(",")
            try expect("}", "expected ',' or '}' after a value")
        }
        skipSpace()
        guard index == json.endIndex else { throw error("expected nothing after the object") }
    }

    private mutating func scanMember() throws(MetricJSONError) {
        let keyStart = index
        let key = String(decoding: json[try scanString("a key in double quotes")], as: UTF8.self)
        skipSpace()
        try expect(":", "expected ':' after the key")
        skipSpace()
        switch key {
        case "timestamp": try set(\.timestamp, key, keyStart, try scanInteger("timestamp in whole seconds"))
        case "data_type": try set(\.dataType, key, keyStart, try scanString("data_type, a string"))
        case "data_content": try set(\.dataContent, key, keyStart, try scanString("data_content, a string"))
        case "node_id": try set(\.nodeID, key, keyStart, try scanInteger("node_id"))
        case "node_type": try set(\.nodeType, key, keyStart, try scanString("node_type, a string"))
        case "node_rank": try set(\.nodeRank, key, keyStart, try scanInteger("node_rank"))
        case "is_final_result": try set(\.isFinalResult, key, keyStart, try scanBool("is_final_result"))
        case "need_report": try set(\.needReport, key, keyStart, try scanBool("need_report"))
        default:
            index = keyStart
            throw error("unknown key '\(key)'; allowed are \(Self.keys)")
        }
    }

    private mutating func set<Value>(
        _ field: WritableKeyPath<MetricScanner, Value?>, _ key: String, _ keyStart: Int, _ value: Value
    ) throws(MetricJSONError) {
        guard self[keyPath: field] == nil else {
            index = keyStart
            throw error("key '\(key)' stands twice")
        }
        self[keyPath: field] = value
    }

    /// Reads a string and returns the range of its inside.
    private mutating func scanString(_ what: String) throws(MetricJSONError) -> Range<Int> {
        try expect("\"", "expected \(what)")
        let start = index
        while true {
            let from = index
            index = json.withUnsafeBufferPointer { bytes in
                json.startIndex + JSONString.firstSpecial(in: bytes, from: from - json.startIndex)
            }
            guard let byte = peek else {
                throw error("the string that begins at byte \(start - json.startIndex) has no end")
            }
            index += 1
            if byte == UInt8(ascii: "\"") { return start..<(index - 1) }
            guard byte == UInt8(ascii: "\\") else {
                index -= 1
                throw error("a control character in a string must be escaped")
            }
            try scanEscape()
        }
    }

    private mutating func scanEscape() throws(MetricJSONError) {
        guard let code = peek else { throw error("the JSON ends within an escape") }
        index += 1
        if code == UInt8(ascii: "u") {
            let digits = json[index..<min(index + 4, json.endIndex)]
            guard digits.count == 4, digits.allSatisfy(Self.isHexDigit) else {
                throw error(#"\u needs four hex digits"#)
            }
            index += 4
        } else if !#""\/bfnrt"#.utf8.contains(code) {
            index -= 1
            throw error(#"unknown escape; allowed are \" \\ \/ \b \f \n \r \t and \u"#)
        }
    }

    private mutating func scanInteger<Number: FixedWidthInteger>(_ what: String) throws(MetricJSONError) -> Number {
        let start = index
        if peek == UInt8(ascii: "-") { index += 1 }
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { index += 1 }
        let digits = json[start..<index]
        let isPlain = digits.count == 1 || !digits.drop { $0 == UInt8(ascii: "-") }.starts(with: "0".utf8)
        let isWhole = peek.map { !".eE".utf8.contains($0) } ?? true
        guard isPlain, isWhole, let number = Number(String(decoding: digits, as: UTF8.self)) else {
            index = start
            throw error("expected \(what), a whole number within \(Number.bitWidth) bits")
        }
        return number
    }

    private mutating func scanBool(_ key: String) throws(MetricJSONError) -> Bool {
        for (word, value) in [("true", true), ("false", false)] where json[index...].starts(with: word.utf8) {
            index += word.utf8.count
            return value
        }
        throw error("expected \(key), true or false")
    }

    /// A master decodes the whole JSON as UTF-8 before it looks at anything.
    private mutating func checkUTF8() throws(MetricJSONError) {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: json.span)
        } catch {
            index = json.startIndex + error.byteOffsets.lowerBound
            throw self.error("not valid UTF-8")
        }
    }

    // MARK: single bytes

    private var peek: UInt8? {
        index < json.endIndex ? json[index] : nil
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private mutating func skipIf(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar, _ reason: String) throws(MetricJSONError) {
        skipSpace()
        guard skipIf(character) else { throw error(peek == nil ? "the JSON ends here; \(reason)" : reason) }
    }

    private func error(_ reason: String) -> MetricJSONError {
        MetricJSONError(offset: index - json.startIndex, reason: reason)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
