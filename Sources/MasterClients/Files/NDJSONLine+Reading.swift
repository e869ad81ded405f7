import Diagnosis

extension NDJSONLine {
    /// Which envelope a line holds.
    ///
    /// - Parameter line: without its newline.
    /// - Returns: `nil` for a line that is not as `append` writes it, or one without an epoch.
    static func origin(of line: ArraySlice<UInt8>) -> (lane: Lane, position: LanePosition)? {
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
        var whole = json
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
