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
        guard let before = reader.piece(from: max(0, offset - Self.reach), count: min(offset, Self.reach)) else {
            return false
        }
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
            for line in bytes.split(whereSeparator: LineBounds.isEnd) {
                let line = UnsafeRawBufferPointer(rebasing: line)
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
                bytes.split(whereSeparator: LineBounds.isEnd).filter { !$0.isEmpty && !hits.contains($0.startIndex) }
                    .map { Self.shape(of: UnsafeRawBufferPointer(rebasing: $0)) })
        }
    }

    /// The line's first bytes without digits and spaces, hashed.
    private static func shape(of line: UnsafeRawBufferPointer) -> Int {
        var hasher = Hasher()
        for byte in line.prefix(96) where !TimeReader.isDigit(byte) && byte != 0x20 { hasher.combine(byte) }
        return hasher.finalize()
    }
}
