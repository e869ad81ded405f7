private import Synchronization

/// Reads a lane's records in order, with one file open and one record in memory; any number of readers work beside the writer.
///
/// A reader that is in a segment when that is evicted may read it to its end. May be used from any thread, by one at a time.
package final class JournalReader: Sendable {
    /// What comes next in a lane.
    package enum Item: Hashable, Sendable {
        /// A whole record. The first one may begin at or before the point that the reader began after.
        case record(JournalRecord)
        case gap(JournalGap)
    }

    package let lane: String
    private let journal: Journal
    private let place: Mutex<Place>

    private struct Place: Sendable {
        /// The last point that was read or passed.
        var point: LanePoint?
        var segment: Segment?
        var file: SegmentFile?
        var offset: UInt64 = 0
    }

    init(journal: Journal, lane: String, after point: LanePoint?) {
        self.journal = journal
        self.lane = lane
        place = Mutex(Place(point: point))
    }

    /// The last point that was read, or passed as a gap; `nil` before the first.
    package var point: LanePoint? {
        place.withLock { $0.point }
    }

    /// The next record or gap; `nil` if there is none yet: ask again after an append.
    ///
    /// - Throws: `io` if the file can't be read; the next call tries again. Damage is not thrown: the journal sets the segment aside,
    ///   and a gap follows.
    package func next() throws(JournalError) -> Item? {
        try place.withLock { place throws(JournalError) in try next(&place) }
    }

    /// Closes the file until the next call of `next()`: for a reader that rests. The disk has an evicted segment back only when
    /// nobody has it open.
    package func rest() {
        place.withLock { place in
            place.file = nil
            place.segment = nil
        }
    }

    private func next(_ place: inout Place) throws(JournalError) -> Item? {
        while true {
            guard let segment = place.segment, let file = place.file, place.offset < segment.length else {
                switch try move(&place) {
                case .ready: continue
                case .item(let item): return item
                case .end: return nil
                }
            }
            guard let header = try file.recordHeader(at: place.offset, limit: segment.length) else {
                setAside(segment, &place)
                continue
            }
            if let point = place.point {
                if header.last <= point {
                    place.offset += UInt64(header.recordLength)
                    continue
                }
                if let gap = Self.gap(after: point, before: header.first) {
                    place.point = gap.through
                    return .gap(gap)
                }
            }
            guard let payload = try file.payload(of: header, at: place.offset, limit: segment.length) else {
                setAside(segment, &place)
                continue
            }
            place.offset += UInt64(header.recordLength)
            place.point = header.last
            return .record(header.record(lane: lane, payload: payload))
        }
    }

    private enum Move {
        /// The next record's segment is open.
        case ready
        case item(Item)
        case end
    }

    /// Goes to where the next record is: further in the same segment, or in another one.
    private func move(_ place: inout Place) throws(JournalError) -> Move {
        let point = place.point
        switch journal.state.withLock({ $0.lanes[lane]?.plan(after: point) ?? .end }) {
        case .end:
            return .end
        case .gap(let through, let reason):
            place.point = through
            return .item(.gap(JournalGap(after: point ?? through, through: through, reason: reason)))
        case .segment(let segment):
            if place.file == nil || place.segment?.number != segment.number {
                place.file = nil
                place.file = try SegmentFile.open(segment.path, files: journal.files, readAhead: 32 << 10)
                place.offset = segment.offset(after: point)
            }
            place.segment = segment
            // A file that is gone was evicted just now, or someone removed it; the next look finds the gap.
            if place.file == nil { setAside(segment, &place, isGone: true) }
            return .ready
        }
    }

    private func setAside(_ segment: Segment, _ place: inout Place, isGone: Bool = false) {
        journal.setAside(segment, lane: lane, isGone: isGone)
        // So that what was in it is a gap for a reader that had only just begun, too.
        if place.point == nil, let first = segment.first {
            place.point = LanePoint(epoch: first.epoch, sequence: first.sequence - 1)
        }
        place.segment = nil
        place.file = nil
    }

    private static func gap(after point: LanePoint, before first: LanePoint) -> JournalGap? {
        let isConsecutive =
            first.epoch == point.epoch ? first.sequence <= point.sequence + 1 : first.sequence == 1
        guard !isConsecutive else { return nil }
        let through = LanePoint(epoch: first.epoch, sequence: first.sequence - 1)
        return JournalGap(after: point, through: through, reason: .absent)
    }
}

extension Journal {
    /// A reader of what follows `point` in the lane, or of all that is there.
    ///
    /// Without a point, what was evicted before is no gap.
    package func reader(lane: String, after point: LanePoint? = nil) -> JournalReader {
        JournalReader(journal: self, lane: lane, after: point)
    }

    /// Whether the segment is still part of the journal.
    func isPresent(_ segment: Segment, lane: String) -> Bool {
        state.withLock { $0.lanes[lane]?.segments.contains { $0.number == segment.number } ?? false }
    }
}

/// Sequences that a reader asked for and that are not there.
package struct JournalGap: Hashable, Sendable {
    package enum Reason: String, Sendable {
        /// They were deleted to stay within the bounds.
        case evicted
        /// They were set aside with a corrupt segment.
        case corrupt
        /// They are not there, and this run does not know why: they were never appended, or went in an earlier run.
        case absent
    }

    /// They come after this point …
    package var after: LanePoint
    /// … and this is the last of them.
    package var through: LanePoint
    package var reason: Reason
}
