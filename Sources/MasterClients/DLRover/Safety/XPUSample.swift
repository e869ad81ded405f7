import Diagnosis

/// One page of XPUTimer's metrics as DLRover's hang detector must get it: the line for each rank first, and no line that it misreads.
struct XPUSample {
    /// The inside of a JSON string.
    let content: ArraySlice<UInt8>
    let changes: [ContentChange]

    /// Reads a page and writes it again. Where that changes nothing, `content` is `escaped` itself.
    ///
    /// - Parameters:
    ///   - page: what `escaped` stands for.
    ///   - limit: the most bytes of `content`.
    init(
        page: String, escaped: ArraySlice<UInt8>, slim: Bool, limit: Int
    ) throws(DLRoverObjection) {
        let lines = try SortedLines(page)
        var written: [UInt8] = []
        written.reserveCapacity(min(escaped.count, max(limit, 0)))
        for line in lines.hang { Self.append(line[...].utf8, to: &written) }
        guard written.count <= limit else {
            throw .refused(
                "its hang lines alone have \(written.count) bytes, more than the \(limit) that fit in a report")
        }
        var changes: [ContentChange] = lines.isNormalised ? [.hangNormalised] : []
        if slim {
            if !lines.others.isEmpty { changes.append(.slimmed) }
        } else if Self.append(lines.others, to: &written, limit: limit) < lines.others.count {
            changes.append(.trimmed)
        }
        self.changes = changes
        content = changes.isEmpty && escaped.count <= limit && Self.isSame(written, page) ? escaped : written[...]
    }

    /// Appends as many lines as fit.
    ///
    /// - Returns: how many.
    private static func append(_ lines: [Substring.UTF8View], to written: inout [UInt8], limit: Int) -> Int {
        for (index, line) in lines.enumerated() {
            let end = written.count
            append(line, to: &written)
            if written.count > limit {
                written.removeSubrange(end...)
                return index
            }
        }
        return lines.count
    }

    private static func append(_ line: Substring.UTF8View, to written: inout [UInt8]) {
        if !written.isEmpty { written.append(contentsOf: #"\n"#.utf8) }
        MetricJSON.appendContent(line, to: &written)
    }

    /// Whether `written` stands for `page`: a text is escaped in one way only.
    private static func isSame(_ written: [UInt8], _ page: String) -> Bool {
        var whole: [UInt8] = []
        whole.reserveCapacity(written.count)
        MetricJSON.appendContent(page[...].utf8, to: &whole)
        return whole == written
    }
}

extension XPUSample {
    /// A page's lines by what they are to the detector.
    private struct SortedLines {
        var hang: [String] = []
        var others: [Substring.UTF8View] = []
        /// Whether a hang line came in another form than it is sent, or a lookalike was left out.
        var isNormalised = false

        init(_ page: String) throws(DLRoverObjection) {
            for line in PythonLines.split(page[...].utf8) {
                switch HangLine.kind(of: line) {
                case .hang(let hangLine):
                    hang.append(hangLine.text)
                    if !line.elementsEqual(hangLine.text.utf8) { isNormalised = true }
                case .lookalike: isNormalised = true
                case .unusable:
                    let start = String(decoding: line.prefix(200), as: UTF8.self)
                    throw .hangValue("a hang line's value is neither 0 nor 1, or it is malformed: '\(start)'")
                case .other: others.append(line)
                }
            }
            if hang.isEmpty { throw .noHangLine }
        }
    }
}
