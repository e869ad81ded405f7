private import Glibc

/// Where the values of a metric stand in its JSON, counted from its first byte. Those that it does not have are `nil`.
struct MetricFields {
    var timestamp: Int64?
    var dataType: Range<Int>?
    var dataContent: Range<Int>?
    var nodeID: Int?
    var nodeType: Range<Int>?
    var nodeRank: Int?
    var isFinalResult: Bool?
    var needReport: Bool?
    /// Whether the strings have no escapes but those of two characters that `MetricJSON` writes itself: not `\u` and not `\/`.
    var hasPlainEscapes = true
}

/// Reads through a metric's JSON once, strictly, and notes where its values are.
///
/// As strict as Python's `json`, which a master reads with, and stricter: no key may stand twice, and no other key at all.
struct MetricScanner {
    private static let keys =
        "timestamp, data_type, data_content, node_id, node_type, node_rank, is_final_result and need_report"

    /// Valid only during `scan`.
    private let json: UnsafeBufferPointer<UInt8>
    private var index = 0
    private var fields = MetricFields()

    static func scan(_ json: ArraySlice<UInt8>) throws(MetricJSONError) -> MetricFields {
        try json.withUnsafeBufferPointer { bytes throws(MetricJSONError) in
            var scanner = MetricScanner(json: bytes)
            try scanner.scan()
            return scanner.fields
        }
    }

    private init(json: UnsafeBufferPointer<UInt8>) {
        self.json = json
    }

    private mutating func scan() throws(MetricJSONError) {
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
        guard index == json.count else { throw error("expected nothing after the object") }
    }

    private mutating func scanMember() throws(MetricJSONError) {
        let start = index
        let key = try scanString("expected a key in double quotes")
        skipSpace()
        try expect(":", "expected ':' after the key")
        skipSpace()
        if text(key, is: "data_content") {
            let value = try scanString("expected data_content, a string")
            try checkIsNew(fields.dataContent == nil, key, start)
            fields.dataContent = value
        } else if text(key, is: "timestamp") {
            let value: Int64 = try scanInteger("timestamp in whole seconds")
            try checkIsNew(fields.timestamp == nil, key, start)
            fields.timestamp = value
        } else if text(key, is: "data_type") {
            let value = try scanString("expected data_type, a string")
            try checkIsNew(fields.dataType == nil, key, start)
            fields.dataType = value
        } else if text(key, is: "node_id") {
            let value: Int = try scanInteger("node_id")
            try checkIsNew(fields.nodeID == nil, key, start)
            fields.nodeID = value
        } else if text(key, is: "node_type") {
            let value = try scanString("expected node_type, a string")
            try checkIsNew(fields.nodeType == nil, key, start)
            fields.nodeType = value
        } else if text(key, is: "node_rank") {
            let value: Int = try scanInteger("node_rank")
            try checkIsNew(fields.nodeRank == nil, key, start)
            fields.nodeRank = value
        } else if text(key, is: "is_final_result") {
            let value = try scanBool("expected is_final_result, true or false")
            try checkIsNew(fields.isFinalResult == nil, key, start)
            fields.isFinalResult = value
        } else if text(key, is: "need_report") {
            let value = try scanBool("expected need_report, true or false")
            try checkIsNew(fields.needReport == nil, key, start)
            fields.needReport = value
        } else {
            index = start
            throw error("unknown key '\(text(key))'; allowed are \(Self.keys)")
        }
    }

    private mutating func checkIsNew(_ isNew: Bool, _ key: Range<Int>, _ start: Int) throws(MetricJSONError) {
        guard !isNew else { return }
        index = start
        throw error("key '\(text(key))' stands twice")
    }

    /// Reads a string and returns the range of its inside.
    private mutating func scanString(_ reason: StaticString) throws(MetricJSONError) -> Range<Int> {
        try expect("\"", reason)
        let start = index
        while true {
            index = JSONString.firstSpecial(in: json, from: index)
            guard index < json.count else {
                throw error("the string that begins at byte \(start) has no end")
            }
            let byte = json[index]
            if byte == UInt8(ascii: "\\") {
                index += 1
                try scanEscape()
            } else if byte == UInt8(ascii: "\"") {
                index += 1
                return start..<(index - 1)
            } else {
                throw error("a control character in a string must be escaped")
            }
        }
    }

    private mutating func scanEscape() throws(MetricJSONError) {
        guard let code = peek else { throw error("the JSON ends within an escape") }
        switch code {
        case UInt8(ascii: "n"), UInt8(ascii: "t"), UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "r"),
            UInt8(ascii: "b"), UInt8(ascii: "f"):
            index += 1
        case UInt8(ascii: "/"):
            index += 1
            fields.hasPlainEscapes = false
        case UInt8(ascii: "u"):
            index += 1
            let digits = json[index..<min(index + 4, json.count)]
            guard digits.count == 4, digits.allSatisfy(Self.isHexDigit) else {
                throw error(#"\u needs four hex digits"#)
            }
            index += 4
            fields.hasPlainEscapes = false
        default:
            throw error(#"unknown escape; allowed are \" \\ \/ \b \f \n \r \t and \u"#)
        }
    }

    private mutating func scanInteger<Number: FixedWidthInteger>(
        _ what: StaticString
    ) throws(MetricJSONError) -> Number {
        let start = index
        if peek == UInt8(ascii: "-") { index += 1 }
        let first = index
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { index += 1 }
        let isPlain = index - first == 1 || (index > first && json[first] != UInt8(ascii: "0"))
        let isWhole = peek.map { $0 != UInt8(ascii: ".") && $0 | 0x20 != UInt8(ascii: "e") } ?? true
        guard isPlain, isWhole, let number = Number(text(start..<index)) else {
            index = start
            throw error("expected \(what), a whole number within \(Number.bitWidth) bits")
        }
        return number
    }

    private mutating func scanBool(_ reason: StaticString) throws(MetricJSONError) -> Bool {
        for (word, value): (StaticString, Bool) in [("true", true), ("false", false)] {
            let end = index + word.utf8CodeUnitCount
            if end <= json.count, text(index..<end, is: word) {
                index = end
                return value
            }
        }
        throw error("\(reason)")
    }

    /// A master decodes the whole JSON as UTF-8 before it looks at anything.
    private mutating func checkUTF8() throws(MetricJSONError) {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: json.span)
        } catch {
            index = error.byteOffsets.lowerBound
            throw self.error("not valid UTF-8")
        }
    }

    // MARK: bytes

    private func text(_ range: Range<Int>) -> String {
        String(decoding: json[range], as: UTF8.self)
    }

    private func text(_ range: Range<Int>, is word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount, let start = json.baseAddress else { return false }
        return memcmp(start + range.lowerBound, word.utf8Start, range.count) == 0
    }

    private var peek: UInt8? {
        index < json.count ? json[index] : nil
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private mutating func skipIf(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar, _ reason: StaticString) throws(MetricJSONError) {
        skipSpace()
        guard skipIf(character) else { throw error(peek == nil ? "the JSON ends here; \(reason)" : "\(reason)") }
    }

    private func error(_ reason: String) -> MetricJSONError {
        MetricJSONError(offset: index, reason: reason)
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
