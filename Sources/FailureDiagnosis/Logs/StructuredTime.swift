/// The time in a field of a line that is a JSON object, as structured loggers, Docker, `journalctl -o json` and MLPerf's logger write it: a
/// text, or a number that counts from 1970.
struct StructuredTime {
    private static let keys = [
        "\"time\"", "\"ts\"", "\"timestamp\"", "\"@timestamp\"", "\"asctime\"", "\"datetime\"", "\"created\"",
        "\"eventTime\"",
        "\"date\"", "\"@t\"", "\"time_ms\"", "\"__REALTIME_TIMESTAMP\"",
    ]
    .map { Array($0.utf8) }
    /// How much of a line's start and end is searched, in bytes: loggers write the time first or last.
    private static let reach = (start: 1024, end: 256)

    /// What MLPerf's logger writes before the object.
    private static let mark = Array(":::MLLOG {".utf8)

    let time: LogTime

    /// `nil` for a line that is no object.
    func read(_ line: UnsafeRawBufferPointer) -> Double? {
        guard line.first == UInt8(ascii: "{") || line.starts(with: Self.mark) else { return nil }
        let start = UnsafeRawBufferPointer(rebasing: line[..<min(line.count, Self.reach.start)])
        let end = UnsafeRawBufferPointer(rebasing: line[max(start.count, line.count - Self.reach.end)...])
        for key in Self.keys {
            for part in [start, end] {
                guard let found = ByteText.find(key, in: part, ignoresCase: false) else { continue }
                if let seconds = value(UnsafeRawBufferPointer(rebasing: part[(found + key.count)...])) {
                    return seconds
                }
            }
        }
        return nil
    }

    private func value(_ rest: UnsafeRawBufferPointer) -> Double? {
        var text = TimeReader(bytes: rest, index: 0)
        while text.consume(oneOf: " ") != nil {}
        guard text.consume(oneOf: ":") != nil else { return nil }
        while text.consume(oneOf: " ") != nil {}
        _ = text.consume(oneOf: "\"")
        let start = text.index
        if start < rest.count, let seconds = time.time(in: rest, at: start) { return seconds }
        let number = rest[start...].prefix(32).prefix { TimeReader.isDigit($0) || ".eE+".utf8.contains($0) }
        return LogTime.seconds(String(decoding: number, as: UTF8.self))
    }
}
