/// A segment file looked through from its first record to its end.
struct SegmentScan {
    enum End: Hashable {
        /// Whole to the end.
        case whole
        /// Whole up to `segment.length`; nothing that was written whole comes after.
        case torn
        /// Not what was written, at `offset`.
        case corrupt(offset: UInt64, reason: String)
    }

    /// What is whole; for a corrupt segment, up to the first damage.
    private(set) var segment: Segment
    /// All that could be made out, beyond damage too.
    private(set) var known: Segment
    /// The positions in what is whole, and in all that could be made out.
    private(set) var positions: [String: StoredPosition]
    private(set) var knownPositions: [String: StoredPosition]
    private(set) var end = End.whole
    private(set) var problems: [JournalProblem] = []

    /// - Parameters:
    ///   - limit: how many of the file's bytes count, if that is known.
    ///   - mayBeTorn: whether this is the lane's last segment, to which a crash may have happened.
    ///   - checksPayload: whether every payload is read too.
    init(
        _ file: SegmentFile, header: SegmentHeader, headerLength: Int, fileLength: UInt64, limit: UInt64?,
        mayBeTorn: Bool, checksPayload: Bool
    ) throws(JournalError) {
        segment = Segment(number: header.number, path: file.path, headerLength: headerLength)
        known = segment
        positions = header.positions
        knownPositions = header.positions
        let limitOfAll = min(limit ?? fileLength, fileLength)
        var offset = segment.headerLength
        var damage: (offset: UInt64, reason: String)?
        var hasRecordAfterDamage = false
        while offset < limitOfAll {
            let record = try file.recordHeader(at: offset, limit: limitOfAll)
            guard let record, known.canBeFollowed(by: record) else {
                let reason = record.map { "a record out of order, \($0.first)" } ?? "no whole record begins here"
                problems.append(JournalProblem(path: file.path, offset: offset, reason: reason))
                damage = damage ?? (offset, reason)
                guard let next = try file.nextRecord(from: offset + 1, limit: limitOfAll) else { break }
                offset = next
                continue
            }
            if checksPayload, try !file.payloadIsWhole(record, at: offset, limit: limitOfAll) {
                let reason = "the payload's checksum is wrong"
                problems.append(JournalProblem(path: file.path, offset: offset, reason: reason))
                damage = damage ?? (offset, reason)
            } else if damage != nil {
                hasRecordAfterDamage = true
            }
            known.add(record, at: offset)
            knownPositions.note(record, lane: header.lane)
            if damage == nil {
                segment.add(record, at: offset)
                positions.note(record, lane: header.lane)
            }
            offset += UInt64(record.recordLength)
        }
        if let limit, limit > fileLength {
            let reason = "the file ends here and had \(limit) bytes"
            problems.append(JournalProblem(path: file.path, offset: fileLength, reason: reason))
            damage = damage ?? (fileLength, reason)
        }
        if let damage {
            let isTorn = mayBeTorn && limit == nil && !hasRecordAfterDamage
            end = isTorn ? .torn : .corrupt(offset: damage.offset, reason: damage.reason)
        }
    }

    /// What a torn end held of records whose headers are whole.
    var tornRuns: [Segment.Run] {
        known.runs.compactMap { run in
            guard let whole = segment.runs.first(where: { $0.epoch == run.epoch }) else { return run }
            guard run.last > whole.last else { return nil }
            return Segment.Run(epoch: run.epoch, first: whole.last + 1, last: run.last, count: run.count - whole.count)
        }
    }
}
