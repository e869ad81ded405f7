private import Glibc

/// One line of a file of metrics, as a `file:` master has it and `arobust journal export` writes it: the metric's JSON with `publisher`,
/// `epoch` and `sequence` after its own keys, and before them `origin`, where that is known.
package enum NDJSONLine {
    /// Appends the line and its newline. The metric's JSON is copied, not encoded anew.
    ///
    /// - Parameters:
    ///   - body: checked, so that it is one object.
    ///   - origin: the JSON of where its content came from.
    ///   - epoch: 0 for a metric that was not on a bus, which then has no further keys.
    package static func append(
        _ body: MetricBody, origin: ArraySlice<UInt8>? = nil, publisher: PublisherID, epoch: UInt64, sequence: UInt64,
        to lines: inout [UInt8]
    ) {
        let start = lines.count
        appendOneLine(body.json, to: &lines)
        if epoch != 0 {
            lines.removeLast()  // the closing brace
            trimSpace(&lines, downTo: start)
            if let origin { appendMember(originKey, origin, to: &lines) }
            let separator = lines.last == UInt8(ascii: "{") ? "" : ", "
            lines.append(
                contentsOf:
                    "\(separator)\(publisherKey)\(publisher)\(epochKey)\(epoch)\(sequenceKey)\(sequence)}".utf8)
        }
        lines.append(0x0A)
    }

    /// Appends a valid JSON without line breaks, which in valid JSON only stand between its parts, and without space at its end.
    package static func appendOneLine(_ json: ArraySlice<UInt8>, to lines: inout [UInt8]) {
        let start = lines.count
        lines.append(contentsOf: json)
        replaceBreaks(in: &lines, from: start)
        trimSpace(&lines, downTo: start)
    }

    private static func replaceBreaks(in lines: inout [UInt8], from start: Int) {
        lines.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            for newline in [CInt(0x0A), 0x0D] {
                var index = start
                while index < bytes.count, let found = memchr(base + index, newline, bytes.count - index) {
                    index = UnsafeMutableRawPointer(found) - base
                    bytes[index] = 0x20
                    index += 1
                }
            }
        }
    }

    /// Appends a key and its value to an object that lacks its closing brace.
    private static func appendMember(_ key: String, _ value: ArraySlice<UInt8>, to json: inout [UInt8]) {
        if json.last != UInt8(ascii: "{") { json += ", ".utf8 }
        json += key.utf8
        json += value
    }

    /// Appends a metric's JSON, on one line and without a newline, with its origin as a last key.
    package static func appendWithOrigin(_ json: ArraySlice<UInt8>, _ origin: MetricOrigin?, to lines: inout [UInt8]) {
        let start = lines.count
        appendOneLine(json, to: &lines)
        guard let origin, lines.last == UInt8(ascii: "}") else { return }
        lines.removeLast()
        trimSpace(&lines, downTo: start)
        appendMember(originKey, origin.json[...], to: &lines)
        lines.append(UInt8(ascii: "}"))
    }

    private static let originKey = #""origin": "#
    private static let publisherKey = #""publisher": ""#
    private static let epochKey = #"", "epoch": "#
    private static let sequenceKey = #", "sequence": "#

    private static func trimSpace(_ lines: inout [UInt8], downTo start: Int) {
        while lines.count > start, let last = lines.last, last == 0x20 || last == 0x09 { lines.removeLast() }
    }
}

extension NDJSONLine {
    /// Which envelope a line holds.
    ///
    /// - Parameter line: without its newline.
    /// - Returns: `nil` for a line that is not as `append` writes it, or one without an epoch.
    package static func origin(of line: ArraySlice<UInt8>) -> (lane: Lane, position: LanePosition)? {
        // From behind: `"publisher": "<36 characters>", "epoch": <digits>, "sequence": <digits>}`.
        var rest = line
        guard rest.popLast() == UInt8(ascii: "}"), let sequence = takeNumber(&rest), takeText(sequenceKey, &rest),
            let epoch = takeNumber(&rest), takeText(epochKey, &rest),
            let publisher = PublisherID(String(decoding: rest.suffix(36), as: UTF8.self))
        else { return nil }
        rest = rest.dropLast(36)
        guard takeText(publisherKey, &rest), let type = dataType(rest) else { return nil }
        return (Lane(publisher: publisher, dataType: type), LanePosition(epoch: epoch, sequence: sequence))
    }

    /// The data type of a metric's JSON that lacks its closing brace.
    private static func dataType(_ json: ArraySlice<UInt8>) -> DiagnosisDataType? {
        quickDataType(json) ?? slowDataType(json)
    }

    /// Reads the form that `MetricJSON` writes: `{"timestamp": <digits>, "data_type": "<word>"`.
    private static func quickDataType(_ json: ArraySlice<UInt8>) -> DiagnosisDataType? {
        let key = #", "data_type": ""#.utf8
        guard json.starts(with: #"{"timestamp": "#.utf8) else { return nil }
        let rest = json.dropFirst(14).drop { $0 == UInt8(ascii: "-") || isDigit($0) }
        guard rest.starts(with: key) else { return nil }
        let word = rest.dropFirst(key.count).prefix(65)
        guard let end = word.firstIndex(of: UInt8(ascii: "\"")) else { return nil }
        let name = String(decoding: word[..<end], as: UTF8.self)
        return TopicWord.isValid(name) ? DiagnosisDataType(rawValue: name) : nil
    }

    private static func slowDataType(_ json: ArraySlice<UInt8>) -> DiagnosisDataType? {
        // The origin is no key of a metric. In a string its quotes would be escaped.
        var whole = json.firstRange(of: originKey.utf8).map { json[..<$0.lowerBound] } ?? json
        while let last = whole.last, last == UInt8(ascii: ",") || last == 0x20 { whole = whole.dropLast() }
        whole.append(UInt8(ascii: "}"))
        return try? MetricBody(checking: whole).dataType
    }

    /// Takes digits off the end of `line`.
    private static func takeNumber(_ line: inout ArraySlice<UInt8>) -> UInt64? {
        let digits = line.suffix(20).reversed().prefix(while: isDigit).count
        defer { line = line.dropLast(digits) }
        return UInt64(String(decoding: line.suffix(digits), as: UTF8.self))
    }

    private static func takeText(_ text: String, _ line: inout ArraySlice<UInt8>) -> Bool {
        guard line.suffix(text.utf8.count).elementsEqual(text.utf8) else { return false }
        line = line.dropLast(text.utf8.count)
        return true
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
