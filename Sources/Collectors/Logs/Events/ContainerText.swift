internal import LogText

/// What programs wrote, taken out of the lines of a container runtime's file: lines that the runtime split are joined again, each stream's
/// by itself. A line that no runtime wrote stays as it is.
struct ContainerText {
    /// More changes between the streams are not listed.
    private static let mostRuns = 100

    /// The lines, joined by newlines.
    private(set) var bytes: [UInt8] = []
    private(set) var lineCount = 0
    /// When the runtime read the first and the last line, in seconds since 1970.
    private(set) var firstTime: Double?
    private(set) var lastTime: Double?
    private var runs: [(stream: String, lines: Int)] = []
    private var partial: [String: [UInt8]] = [:]

    /// - Parameter lines: whole lines; the last may lack its end.
    init(_ lines: UnsafeRawBufferPointer) {
        bytes.reserveCapacity(lines.count)
        var start = 0
        while start < lines.count {
            let end = LineBytes.end(from: start, in: lines) ?? lines.count
            add(Self.withoutEnd(UnsafeRawBufferPointer(rebasing: lines[start..<end])))
            start = end
        }
        // Their rest is longer than what is taken at a time.
        for (stream, part) in partial.sorted(by: { $0.key < $1.key }) {
            append(part + LogFollower.continuesMark.utf8, of: stream)
        }
    }

    /// `stdout` or `stderr` if all lines are of that one.
    var stream: String? { runs.count == 1 ? runs[0].stream : nil }

    /// `stdout 3, stderr 1, stdout 2`: how many lines came in turn from each; `nil` if all are of one stream.
    var streams: String? {
        guard runs.count > 1 else { return nil }
        let listed = runs.prefix(Self.mostRuns).map { "\($0.stream) \($0.lines)" }.joined(separator: ", ")
        return runs.count > Self.mostRuns ? listed + ", …" : listed
    }

    /// Whether a runtime wrote the first of these lines.
    static func isContainerFile(_ lines: UnsafeRawBufferPointer) -> Bool {
        guard let end = LineBytes.end(from: 0, in: lines) else { return false }
        return ContainerLine(withoutEnd(UnsafeRawBufferPointer(rebasing: lines[..<end]))) != nil
    }

    private mutating func add(_ line: UnsafeRawBufferPointer) {
        guard let parsed = ContainerLine(line) else { return append(Array(line), of: "") }
        firstTime = firstTime ?? parsed.time
        lastTime = parsed.time
        let whole = (partial.removeValue(forKey: parsed.stream) ?? []) + parsed.payload
        if parsed.isPartial {
            partial[parsed.stream] = whole
        } else {
            append(whole, of: parsed.stream)
        }
    }

    private mutating func append(_ line: [UInt8], of stream: String) {
        if lineCount > 0 { bytes.append(0x0A) }
        bytes += line
        lineCount += 1
        if runs.last?.stream == stream {
            runs[runs.count - 1].lines += 1
        } else if runs.count <= Self.mostRuns {
            runs.append((stream, 1))
        }
    }

    static func withoutEnd(_ line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        line.last == 0x0A ? UnsafeRawBufferPointer(rebasing: line.dropLast()) : line
    }
}
