import Diagnosis
import SystemSupport

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

/// What a file of metrics already holds, found by reading it through once in pieces.
struct NDJSONScan {
    /// The longest line that is looked at, and the longest that is written.
    static let longestLine = 16 * 1024 * 1024
    private static let pieceBytes = 256 * 1024

    /// The last envelope of each lane.
    private(set) var positions: [Lane: LanePosition] = [:]
    /// Where the last whole line ends; what follows was torn off.
    private(set) var end = 0

    private var line: [UInt8] = []
    private var isTooLong = false

    init(_ descriptor: CInt, _ fileSystem: FileSystem) throws(SystemCallError) {
        var piece = [UInt8](repeating: 0, count: Self.pieceBytes)
        var offset = 0
        while true {
            let count = try fileSystem.read(descriptor, at: offset, into: &piece)
            if count == 0 { return }
            take(piece[..<count], at: offset)
            offset += count
        }
    }

    private mutating func take(_ piece: ArraySlice<UInt8>, at offset: Int) {
        var rest = piece
        while let newline = rest.firstIndex(of: 0x0A) {
            if line.isEmpty, !isTooLong {
                note(rest[..<newline])
            } else {
                keep(rest[..<newline])
                if !isTooLong { note(line[...]) }
            }
            line.removeAll(keepingCapacity: true)
            isTooLong = false
            rest = rest[(newline + 1)...]
            end = offset + rest.startIndex
        }
        keep(rest)
    }

    /// Keeps the part of a line that goes on in the next piece.
    private mutating func keep(_ part: ArraySlice<UInt8>) {
        isTooLong = isTooLong || line.count + part.count > Self.longestLine
        if isTooLong { line = [] } else { line.append(contentsOf: part) }
    }

    private mutating func note(_ line: ArraySlice<UInt8>) {
        guard let (lane, position) = NDJSONLine.origin(of: line) else { return }
        positions[lane] = max(position, positions[lane] ?? position)
    }
}
