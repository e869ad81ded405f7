package import Diagnosis
private import Synchronization

/// Reads a lane's records in order, with one file open and one record in memory; any number of readers work beside the writer.
///
/// A reader that is in a segment when that is evicted may read it to its end. May be used from any thread, by one at a time.
package final class JournalReader: Sendable {
    /// What comes next in a lane.
    package enum Item: Hashable, Sendable {
        /// A whole record. The first one may begin at or before the position that the reader began after.
        case record(JournalRecord)
        case gap(JournalGap)
    }

    package let lane: String
    private let journal: Journal
    private let place: Mutex<Place>

    private struct Place: Sendable {
        /// The last position that was read or passed.
        var position: LanePosition?
        var segment: Segment?
        var file: SegmentFile?
        var offset: UInt64 = 0
    }

    init(journal: Journal, lane: String, after position: LanePosition?) {
        self.journal = journal
        self.lane = lane
        place = Mutex(Place(position: position))
    }

    /// The last position that was read, or passed as a gap; `nil` before the first.
    package var position: LanePosition? {
        place.withLock { $0.position }
    }

    /// The next record or gap; `nil` if there is none yet: ask again after an append.
    ///
    /// - Throws: `io` if the file can't be read; the next call tries again. Damage is no error: the journal sets the segment aside, and
    ///   the reader returns a gap.
    package func next() throws(JournalError) -> Item? {
        try place.withLock { place throws(JournalError) in try next(&place) }
    }

    /// Closes the file until the next call of `next()`, for a reader that pauses: an evicted segment takes disk space as long as
    /// somebody has it open.
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
            if let position = place.position {
                if header.last <= position {
                    place.offset += UInt64(header.recordLength)
                    continue
                }
                if let gap = Self.gap(after: position, before: header.first) {
                    place.position = gap.through
                    return .gap(gap)
                }
            }
            guard let payload = try file.payload(of: header, at: place.offset, limit: segment.length) else {
                setAside(segment, &place)
                continue
            }
            place.offset += UInt64(header.recordLength)
            place.position = header.last
            return .record(header.record(lane: lane, payload: payload))
        }
    }

    private enum Move {
        /// The next record's segment is open.
        case ready
        case item(Item)
        case end
    }

    /// Moves to the next record: further in the same segment, or in another one.
    private func move(_ place: inout Place) throws(JournalError) -> Move {
        let position = place.position
        switch journal.state.withLock({ $0.lanes[lane]?.plan(after: position) ?? .end }) {
        case .end:
            return .end
        case .gap(let through, let reason):
            place.position = through
            return .item(.gap(JournalGap(after: position ?? through, through: through, reason: reason)))
        case .segment(let segment):
            if place.file == nil || place.segment?.number != segment.number {
                place.file = nil
                place.file = try SegmentFile.open(segment.path, files: journal.files, readAhead: 32 << 10)
                place.offset = segment.offset(after: position)
            }
            place.segment = segment
            // The file was evicted just now, or somebody removed it; the next move finds the gap.
            if place.file == nil { setAside(segment, &place, isGone: true) }
            return .ready
        }
    }

    private func setAside(_ segment: Segment, _ place: inout Place, isGone: Bool = false) {
        journal.setAside(segment, lane: lane, isGone: isGone)
        // A reader that has read nothing yet must find a gap there, too.
        if place.position == nil, let first = segment.first {
            place.position = first.predecessor
        }
        place.segment = nil
        place.file = nil
    }

    private static func gap(after position: LanePosition, before first: LanePosition) -> JournalGap? {
        let isConsecutive =
            first.epoch == position.epoch ? first.sequence <= position.sequence + 1 : first.sequence == 1
        guard !isConsecutive else { return nil }
        let through = first.predecessor
        return JournalGap(after: position, through: through, reason: .absent)
    }
}

extension Journal {
    /// A reader of what follows `position` in the lane, or of all that is there.
    ///
    /// Without a position, what was evicted before is no gap.
    package func reader(lane: String, after position: LanePosition? = nil) -> JournalReader {
        JournalReader(journal: self, lane: lane, after: position)
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
        /// They are not there, and this run does not know why: they were never appended, or were lost in an earlier run.
        case absent
    }

    /// They come after this position …
    package var after: LanePosition
    /// … and this is the last of them.
    package var through: LanePosition
    package var reason: Reason
}
