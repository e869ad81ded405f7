/// What torch elastic's launcher writes at the end of its log: an entry for each failed rank, with the traceback from its error file
/// (`torch/distributed/elastic/multiprocessing/errors/__init__.py`, `ChildFailedError`). Which rank it saw first says little, since it
/// only looks ten times a second.
///
///     [0]:
///       time      : 2026-11-24_00:31:46
///       host      : localhost
///       rank      : 1 (local_rank: 1)
///       exitcode  : -9 (pid: 32192)
///       error_file: <N/A>
///       traceback : Signal 9 (SIGKILL) received by PID 32192
struct ElasticReport: Hashable, Sendable {
    /// One failed rank.
    struct Entry: Hashable, Sendable {
        /// Where the entry is in the file, starting at its `rank`, in bytes.
        var range: Range<Int>
        var rank: Int
        var exitCode: Int?
        var pid: Int?
        /// Seconds since 1970.
        var time: Double?
    }

    /// How far from a log's end it is searched for, in bytes.
    static let reach = 128 << 10
    private static let rankKey = Array("rank      : ".utf8)

    private(set) var entries: [Entry] = []

    /// - Parameter start: where the log's end begins in the file, in bytes.
    init(_ logEnd: UnsafeRawBufferPointer, from start: Int, time: LogTime) {
        var position = 0
        while let found = ByteText.find(
            Self.rankKey, in: UnsafeRawBufferPointer(rebasing: logEnd[position...]), ignoresCase: false)
        {
            let here = position + found
            if let last = entries.indices.last { entries[last].range = entries[last].range.lowerBound..<(start + here) }
            position = here + Self.rankKey.count
            // The time is two lines above, the exit code one line below.
            let before = Self.text(logEnd[max(0, here - 300)..<here])
            let after = Self.text(logEnd[position..<min(logEnd.count, position + 300)])
            guard let rank = Self.number(after) else { continue }
            let entry = Entry(
                range: (start + here)..<(start + logEnd.count), rank: rank,
                exitCode: Self.value(of: "exitcode  : ", in: after).flatMap(Self.number),
                pid: Self.value(of: "(pid: ", in: after).flatMap { Int($0.prefix { $0.isNumber }) },
                time: Self.value(of: "time      : ", in: before).flatMap { time.read(String($0)) })
            entries.append(entry)
        }
    }

    private static func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        String(decoding: bytes, as: UTF8.self)
    }

    private static func number(_ text: some StringProtocol) -> Int? {
        text.split { $0 == " " || $0 == "\n" }.first.flatMap { Int($0) }
    }

    /// What follows the key in the last line that has it.
    private static func value(of key: String, in text: String) -> Substring? {
        let line = text.split(separator: "\n").last { $0.contains(key) }
        guard let line, let key = line.firstRange(of: key) else { return nil }
        return line[key.upperBound...]
    }
}
