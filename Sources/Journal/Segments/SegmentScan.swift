/// What reading a segment file from its first record to its end has found.
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
    /// Everything that could be read, after damage too.
    private(set) var known: Segment
    /// The source positions in what is whole, and in everything that could be read.
    private(set) var sources: [String: StoredSource]
    private(set) var knownSources: [String: StoredSource]
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
        sources = header.sources
        knownSources = header.sources
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
            knownSources.recordSource(of: record, lane: header.lane)
            if damage == nil {
                segment.add(record, at: offset)
                sources.recordSource(of: record, lane: header.lane)
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

/// A segment file as opening finds it: its length and header.
struct SegmentCandidate {
    enum Header {
        case whole(SegmentHeader, length: Int)
        /// The file ends within it.
        case torn
        case bad(reason: String)
    }

    let number: UInt64
    let path: String
    /// Whether it was set aside earlier. Its header still says what was before it.
    let isSetAside: Bool
    var fileLength: UInt64
    var header: Header

    var wholeHeader: SegmentHeader? {
        if case .whole(let header, _) = header { header } else { nil }
    }

    /// What is wrong with the header.
    var damage: String {
        switch header {
        case .whole: "nothing"
        case .torn: "the file ends within the segment's header"
        case .bad(let reason): reason
        }
    }

    /// Reads the header; answers `nil` if the file is gone.
    ///
    /// - Throws: `newerVersion` if the file is of one.
    init?(number: UInt64, path: String, lane: String, files: Files) throws(JournalError) {
        guard let file = try SegmentFile.open(path, files: files, readAhead: 4096) else { return nil }
        self.number = number
        self.path = path
        isSetAside = SegmentName.isCorrupt(String(path.split(separator: "/").last ?? ""))
        let fileLength = try file.length()
        self.fileLength = fileLength
        guard fileLength >= SegmentHeader.preludeLength else {
            header = .torn
            return
        }
        let prelude = try file.withBytes(at: 0, count: SegmentHeader.preludeLength, limit: fileLength) {
            SegmentHeader.prelude($0)
        }
        guard let (version, length) = prelude else {
            header = .bad(reason: "the file does not begin as a segment does")
            return
        }
        guard version == SegmentHeader.version else {
            throw JournalError(
                .newerVersion, path: path,
                "has version \(version), and this program reads version \(SegmentHeader.version); use the newer program, "
                    + "or move the directory away to start with an empty one")
        }
        guard length <= fileLength else {
            header = .torn
            return
        }
        let whole = try file.withBytes(at: 0, count: length, limit: fileLength) { SegmentHeader($0) }
        if let whole, whole.number == number, whole.lane == lane {
            header = .whole(whole, length: length)
        } else {
            header = .bad(
                reason: whole == nil ? "the segment's header is damaged" : "the segment belongs under another name")
        }
    }
}
