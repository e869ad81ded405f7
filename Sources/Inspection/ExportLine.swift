internal import Diagnosis

/// One line of an export: the metric's JSON with `publisher`, `epoch` and `sequence` after its own keys, as a `file:` master has it.
enum ExportLine {
    /// Appends the line and its newline. The metric's JSON is copied, not encoded anew.
    ///
    /// - Parameter body: checked, so that it is one object.
    static func append(_ body: MetricBody, publisher: PublisherID, position: LanePosition, to lines: inout [UInt8]) {
        let start = lines.count
        appendOneLine(body.json, to: &lines)
        lines.removeLast()  // the closing brace
        trimSpace(&lines, downTo: start)
        let separator = lines.last == UInt8(ascii: "{") ? "" : ", "
        lines.append(
            contentsOf:
                #"\#(separator)"publisher": "\#(publisher)", "epoch": \#(position.epoch), "sequence": \#(position.sequence)}"#
                .utf8)
        lines.append(0x0A)
    }

    /// Appends a valid JSON without line breaks: in valid JSON they only stand between its parts.
    static func appendOneLine(_ json: ArraySlice<UInt8>, to lines: inout [UInt8]) {
        let start = lines.count
        lines.append(contentsOf: json)
        for index in start..<lines.count where lines[index] == 0x0A || lines[index] == 0x0D { lines[index] = 0x20 }
        trimSpace(&lines, downTo: start)
    }

    private static func trimSpace(_ lines: inout [UInt8], downTo start: Int) {
        while lines.count > start, let last = lines.last, last == 0x20 || last == 0x09 { lines.removeLast() }
    }
}
