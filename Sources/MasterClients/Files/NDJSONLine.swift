import Diagnosis

/// One line of a file of metrics: the metric's JSON with `publisher`, `epoch` and `sequence` after its own keys.
enum NDJSONLine {
    /// Appends the line and its newline. The metric's JSON is copied, not encoded anew.
    ///
    /// - Parameters:
    ///   - body: checked, so that it is one object, and a newline in it can only be space between its parts.
    ///   - epoch: 0 for a metric that was not on a bus, which then has no further keys.
    static func append(
        _ body: MetricBody, publisher: PublisherID, epoch: UInt64, sequence: UInt64, to lines: inout [UInt8]
    ) {
        let start = lines.count
        lines.append(contentsOf: body.json)
        for index in start..<lines.count where lines[index] == 0x0A || lines[index] == 0x0D { lines[index] = 0x20 }
        trimSpace(&lines, downTo: start)
        if epoch != 0 {
            lines.removeLast()  // the closing brace
            trimSpace(&lines, downTo: start)
            let separator = lines.last == UInt8(ascii: "{") ? "" : ", "
            lines.append(
                contentsOf:
                    "\(separator)\(publisherKey)\(publisher)\(epochKey)\(epoch)\(sequenceKey)\(sequence)}".utf8)
        }
        lines.append(0x0A)
    }

    static let publisherKey = #""publisher": ""#
    static let epochKey = #"", "epoch": "#
    static let sequenceKey = #", "sequence": "#

    private static func trimSpace(_ lines: inout [UInt8], downTo start: Int) {
        while lines.count > start, let last = lines.last, last == 0x20 || last == 0x09 { lines.removeLast() }
    }
}
