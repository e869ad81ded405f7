/// Whether a training went on after some line: if so, the line was no failure, or one that the training handled.
///
/// A training writes its progress over and over. So it went on if lines that look like the earlier ones (equal except for digits) appear
/// again more than a minute later. In a log without times, many such lines are enough.
struct Progress {
    /// How long after the line others begin to count, in seconds: the other ranks go on for a little while after a failure.
    private static let delay = 60.0
    private static let minimumTimedLines = 3
    private static let minimumLines = 200
    /// How much is read before the line, right after it, and at the end of the log, in bytes each.
    private static let reach = 256 << 10

    private let time: LogTime
    private let matcher: RuleMatcher
    private let period: ClosedRange<Double>?

    /// - Parameter period: what times the log's lines can have.
    init(time: LogTime, matcher: RuleMatcher, period: ClosedRange<Double>?) {
        self.time = time
        self.matcher = matcher
        self.period = period
    }

    /// - Parameters:
    ///   - offset: where the line starts.
    ///   - lineTime: when it was written, in seconds since 1970.
    func goesOn(after offset: Int, writtenAt lineTime: Double?, in reader: BackwardLogReader) -> Bool {
        let reach = min(offset - reader.start, Self.reach)
        guard let before = reader.piece(from: offset - reach, count: reach) else { return false }
        let known = shapes(of: before)
        guard !known.isEmpty else { return false }
        var after = reader.piece(from: offset, count: min(Self.reach, reader.size - offset)) ?? []
        let rest = reader.size - offset - after.count
        if rest > 0 {
            after += reader.piece(from: reader.size - min(rest, Self.reach), count: min(rest, Self.reach)) ?? []
        }
        var (timed, all) = (0, 0)
        var latest = lineTime
        after.withUnsafeBytes { bytes in
            for line in bytes.split(separator: 0x0A) {
                let line = Self.lastState(UnsafeRawBufferPointer(rebasing: line))
                if let own = time.read(line), period?.contains(own) ?? false { latest = own }
                guard known.contains(Self.shape(of: line)) else { continue }
                all += 1
                if let lineTime, let latest, latest >= lineTime + Self.delay { timed += 1 }
            }
        }
        return lineTime == nil ? all >= Self.minimumLines : timed >= Self.minimumTimedLines
    }

    /// The shapes of the lines that no rule matches.
    private func shapes(of bytes: [UInt8]) -> Set<Int> {
        bytes.withUnsafeBytes { bytes in
            let hits = Set(matcher.hits(in: bytes).map(\.line.lowerBound))
            return Set(
                bytes.split(separator: 0x0A).filter { !$0.isEmpty && !hits.contains($0.startIndex) }
                    .map { Self.shape(of: Self.lastState(UnsafeRawBufferPointer(rebasing: $0))) })
        }
    }

    /// What a terminal shows of a line that a progress bar wrote again and again.
    private static func lastState(_ line: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var end = line.count
        while end > 0, line[end - 1] == 0x0D { end -= 1 }
        let start = line[..<end].lastIndex(of: 0x0D).map { $0 + 1 } ?? 0
        return UnsafeRawBufferPointer(rebasing: line[start..<end])
    }

    /// The line's first bytes without digits and spaces, hashed.
    private static func shape(of line: UnsafeRawBufferPointer) -> Int {
        var hasher = Hasher()
        for byte in line.prefix(96) where !TimeReader.isDigit(byte) && byte != 0x20 { hasher.combine(byte) }
        return hasher.finalize()
    }
}
