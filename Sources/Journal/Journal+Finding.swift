package import Diagnosis
private import Synchronization

extension Journal {
    /// How much follows `position` in the lane, or is there at all. Counted from the records.
    package func count(lane name: String, after position: LanePosition? = nil) throws(JournalError) -> JournalCount {
        var total = JournalCount()
        for segment in segments(of: name) {
            guard let last = segment.last, position.map({ last > $0 }) ?? true else { continue }
            if let first = segment.first, position.map({ first > $0 }) ?? true {
                total.count += segment.count
                total.records += segment.records
                total.bytes += Int(segment.length - segment.headerLength)
                continue
            }
            try scan(segment, lane: name, from: segment.offset(after: position)) { header, _ in
                guard let position, header.last > position else { return true }
                total.records += 1
                total.bytes += header.recordLength
                total.count += header.first > position ? UInt64(header.count) : header.last.sequence - position.sequence
                return true
            }
        }
        return total
    }

    /// The position after which a reader first meets a record with something collected at `time` or later; `nil`: from the oldest on.
    package func position(lane name: String, since time: Int64) throws(JournalError) -> LanePosition? {
        var before: LanePosition?
        for segment in segments(of: name) where segment.records > 0 {
            if let times = segment.times, times.upperBound >= time {
                var isFound = false
                try scan(segment, lane: name, from: segment.headerLength) { header, _ in
                    isFound = max(header.earliest, header.latest) >= time
                    if !isFound { before = header.last }
                    return !isFound
                }
                if isFound { return before }
            }
            before = segment.last
        }
        return before
    }

    /// The position that the lane's last `count` sequences follow; `nil`: from the oldest on.
    package func position(lane name: String, last count: UInt64) throws(JournalError) -> LanePosition? {
        var skip = try self.count(lane: name).count
        guard skip > count else { return nil }
        skip -= count
        for segment in segments(of: name) where segment.records > 0 {
            if segment.count <= skip {
                skip -= segment.count
                if skip == 0 { return segment.last }
                continue
            }
            var found: LanePosition?
            try scan(segment, lane: name, from: segment.headerLength) { header, _ in
                if UInt64(header.count) < skip {
                    skip -= UInt64(header.count)
                    return true
                }
                found = LanePosition(epoch: header.epoch, sequence: header.firstSequence + skip - 1)
                return false
            }
            if let found { return found }
        }
        return lane(name)?.last
    }

    /// The last position of each epoch that the files still have records of.
    package func ends(of lane: String) -> [LanePosition] {
        segments(of: lane).flatMap { segment in
            segment.runs.map { LanePosition(epoch: $0.epoch, sequence: $0.last) }
        }
    }

    private func segments(of lane: String) -> [Segment] {
        state.withLock { $0.lanes[lane]?.segments ?? [] }
    }

    /// Passes each record's header to `body` until that answers `false`. Stops at damage and sets the segment aside.
    private func scan(
        _ segment: Segment, lane: String, from offset: UInt64, _ body: (RecordHeader, UInt64) -> Bool
    ) throws(JournalError) {
        guard let file = try SegmentFile.open(segment.path, files: files, readAhead: 4096) else { return }
        var offset = offset
        while offset < segment.length {
            guard let header = try file.recordHeader(at: offset, limit: segment.length) else {
                setAside(segment, lane: lane)
                return
            }
            guard body(header, offset) else { return }
            offset += UInt64(header.recordLength)
        }
    }
}
