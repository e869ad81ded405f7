internal import LogText

/// Finds exceptions that seem to have been survived, since steps follow in the log, and yet ended their writer: the steps are those of others, or
/// were left in a buffer.
struct LastWords {
    /// How much is read before and after an exception, in bytes.
    private static let before = 256 << 10
    private static let after = 4 << 20
    /// How many lines with the writer's prefix may still come: the rest of a message, and what is written on the way out.
    private static let mostLines = 20
    /// How much a program may hold in its buffers, in bytes.
    private static let buffer = 64 << 10

    let reader: BackwardLogReader

    /// Whether the writer of an exception wrote of steps before it, and of none after.
    func isSilent(after sighting: Sighting) -> Bool {
        guard !sighting.prefix.isEmpty, let offset = sighting.offset else { return false }
        let reach = min(offset - reader.start, Self.before)
        guard let earlier = reader.piece(from: offset - reach, count: reach),
            let later = reader.piece(from: offset, count: min(Self.after, reader.size - offset))
        else { return false }
        return steps(in: earlier, of: sighting, most: .max).steps > 0
            && steps(in: later, of: sighting, most: Self.mostLines) == (0, true)
    }

    /// Whether an exception stands so near the log's end that what follows may have been in a buffer.
    func isLast(_ sighting: Sighting) -> Bool { sighting.offset.map { reader.size - $0 <= Self.buffer } ?? false }

    private func steps(in bytes: [UInt8], of sighting: Sighting, most: Int) -> (steps: Int, isShort: Bool) {
        bytes.withUnsafeBytes { bytes in
            var (count, steps) = (0, 0)
            for line in LineBounds.lines(in: bytes) {
                let text = ProgramText.plain(UnsafeRawBufferPointer(rebasing: bytes[line.prefix(1000)]))
                guard let start = start(of: sighting, in: text) else { continue }
                count += 1
                if ProgressLine(Array(text[start...])) != nil { steps += 1 }
                if count > most || most < .max && steps > 0 { return (steps, count <= most) }
            }
            return (steps, true)
        }
    }

    /// Where the program's text starts in a line of the writer of an exception; `nil` in another's.
    private func start(of sighting: Sighting, in line: [UInt8]) -> Int? {
        if line.starts(with: sighting.prefix) { return sighting.prefix.count }
        // Its other output may have another prefix with the same rank.
        let prefix = line.withUnsafeBytes { LinePrefix($0) }
        return prefix.rank != nil && prefix.rank == sighting.rank ? prefix.end : nil
    }
}
