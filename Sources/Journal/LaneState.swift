package import Diagnosis

/// A lane as the journal knows it: its segments, and what is gone.
struct LaneState: Sendable {
    /// Oldest first. Only the last is written to.
    var segments: [Segment] = []
    /// Whether the last segment may not be written to any more: its file holds more than counts, or fails.
    var isSealed = false
    /// The newest position that the lane ever had.
    var newest: LanePosition?
    /// The newest position that was evicted.
    var evictedThrough: LanePosition?
    /// What was set aside with corrupt segments, in order.
    var corrupt: [ClosedRange<LanePosition>] = []

    var bytes: Int { segments.reduce(0) { $0 + Int($1.length) } }
    var hasRecords: Bool { segments.contains { $0.records > 0 } }
    var first: LanePosition? { segments.lazy.compactMap(\.first).first }
    var last: LanePosition? { segments.lazy.reversed().compactMap(\.last).first }

    /// Whether records may be added to the last segment.
    var takesRecords: Bool { !isSealed && !segments.isEmpty }

    func description(name: String) -> JournalLane {
        let times = segments.compactMap(\.times)
        return JournalLane(
            name: name, first: first, last: last, newest: newest, bytes: bytes, segments: segments.count,
            records: segments.reduce(0) { $0 + $1.records }, count: segments.reduce(0) { $0 + $1.count },
            times: times.dropFirst().reduce(times.first) { all, some in
                all.map { min($0.lowerBound, some.lowerBound)...max($0.upperBound, some.upperBound) }
            })
    }

    /// Removes a segment from the lane, with what is lost by that.
    mutating func remove(_ number: UInt64, losses: [JournalLoss]) {
        segments.removeAll { $0.number == number }
        recordLosses(losses)
    }

    /// Marks as gone what is lost; readers will find a gap there.
    mutating func recordLosses(_ losses: [JournalLoss]) {
        for loss in losses {
            let (first, last) = (loss.range.start, loss.range.end)
            switch loss.reason {
            case .evicted: evictedThrough = max(evictedThrough ?? last, last)
            case .corrupt: corrupt.append(first...last)
            }
            newest = max(newest ?? last, last)
        }
        corrupt.sort { $0.lowerBound < $1.lowerBound }
    }

    /// Where a reader goes on from its position.
    enum ReadPlan {
        /// Nothing follows yet.
        case end
        case gap(through: LanePosition, JournalGap.Reason)
        case segment(Segment)
    }

    func plan(after position: LanePosition?) -> ReadPlan {
        guard let position else {
            return segments.first { $0.records > 0 }.map { .segment($0) } ?? .end
        }
        if let evictedThrough, position < evictedThrough { return .gap(through: evictedThrough, .evicted) }
        let next = segments.first { $0.last.map { $0 > position } ?? false }
        if let range = corrupt.first(where: { $0.upperBound > position }),
            next?.first.map({ range.lowerBound < $0 }) ?? true, !(next.map { $0.contains(position) } ?? false)
        {
            return .gap(through: range.upperBound, .corrupt)
        }
        return next.map { .segment($0) } ?? .end
    }
}

extension Segment {
    /// Whether the position lies between two records of the segment.
    fileprivate func contains(_ position: LanePosition) -> Bool {
        guard let first, let last else { return false }
        return first <= position && position <= last
    }
}

/// What the journal holds of a lane.
package struct JournalLane: Hashable, Sendable {
    package var name: String
    /// The oldest sequence that can be read; `nil` if none can.
    package var first: LanePosition?
    /// The newest sequence that can be read; `nil` if none can.
    package var last: LanePosition?
    /// The newest sequence that the lane ever had, as far as the files tell.
    package var newest: LanePosition?
    /// The size of the lane's files.
    package var bytes: Int
    package var segments: Int
    package var records: Int
    /// How many sequences can be read.
    package var count: UInt64
    /// The earliest and latest collection times of what can be read.
    package var times: ClosedRange<Int64>?
}

/// How much there is in a part of a lane.
package struct JournalCount: Hashable, Sendable {
    /// Sequences.
    package var count: UInt64 = 0
    package var records = 0
    /// The size of the records in the files.
    package var bytes = 0
}
