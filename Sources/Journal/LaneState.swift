/// A lane as the journal knows it: its segments, and what is gone.
struct LaneState: Sendable {
    /// Oldest first. Only the last is written to.
    var segments: [Segment] = []
    /// Whether the last segment may not be written to any more: its file holds more than counts, or fails.
    var isSealed = false
    /// The newest point that the lane ever had.
    var newest: LanePoint?
    /// The newest point that was evicted.
    var evictedThrough: LanePoint?
    /// What was set aside with corrupt segments, in order.
    var corrupt: [ClosedRange<LanePoint>] = []

    var bytes: Int { segments.reduce(0) { $0 + Int($1.length) } }
    var hasRecords: Bool { segments.contains { $0.records > 0 } }
    var first: LanePoint? { segments.lazy.compactMap(\.first).first }
    var last: LanePoint? { segments.lazy.reversed().compactMap(\.last).first }

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

    /// Takes a segment out because of `losses` in it.
    mutating func remove(_ number: UInt64, losses: [JournalLoss]) {
        segments.removeAll { $0.number == number }
        note(losses)
    }

    mutating func note(_ losses: [JournalLoss]) {
        for loss in losses {
            let first = LanePoint(epoch: loss.epoch, sequence: loss.first)
            let last = LanePoint(epoch: loss.epoch, sequence: loss.last)
            switch loss.reason {
            case .evicted: evictedThrough = max(evictedThrough ?? last, last)
            case .corrupt: corrupt.append(first...last)
            }
            newest = max(newest ?? last, last)
        }
        corrupt.sort { $0.lowerBound < $1.lowerBound }
    }

    /// Where a reader finds what follows its point.
    enum ReadPlan {
        /// Nothing follows yet.
        case end
        case gap(through: LanePoint, JournalGap.Reason)
        case segment(Segment)
    }

    func plan(after point: LanePoint?) -> ReadPlan {
        guard let point else {
            return segments.first { $0.records > 0 }.map { .segment($0) } ?? .end
        }
        if let evictedThrough, point < evictedThrough { return .gap(through: evictedThrough, .evicted) }
        let next = segments.first { $0.last.map { $0 > point } ?? false }
        if let range = corrupt.first(where: { $0.upperBound > point }),
            next?.first.map({ range.lowerBound < $0 }) ?? true, !(next.map { $0.contains(point) } ?? false)
        {
            return .gap(through: range.upperBound, .corrupt)
        }
        return next.map { .segment($0) } ?? .end
    }
}

extension Segment {
    /// Whether the point lies between two records of the segment.
    fileprivate func contains(_ point: LanePoint) -> Bool {
        guard let first, let last else { return false }
        return first <= point && point <= last
    }
}

/// What the journal holds of a lane.
package struct JournalLane: Hashable, Sendable {
    package var name: String
    /// The oldest sequence that can be read; `nil` if none can.
    package var first: LanePoint?
    /// The newest sequence that can be read; `nil` if none can.
    package var last: LanePoint?
    /// The newest sequence that the lane ever had, as far as the files tell.
    package var newest: LanePoint?
    /// What the lane's files take.
    package var bytes: Int
    package var segments: Int
    package var records: Int
    /// How many sequences can be read.
    package var count: UInt64
    /// The earliest and latest collection times of what can be read.
    package var times: ClosedRange<Int64>?
}

/// A place in a lane: an epoch and a sequence in it. Points of one lane compare in the order of writing.
package struct LanePoint: Hashable, Sendable, Comparable {
    package var epoch: UInt64
    package var sequence: UInt64

    package init(epoch: UInt64, sequence: UInt64) {
        self.epoch = epoch
        self.sequence = sequence
    }

    package static func < (left: LanePoint, right: LanePoint) -> Bool {
        (left.epoch, left.sequence) < (right.epoch, right.sequence)
    }
}

extension LanePoint: CustomStringConvertible {
    package var description: String { "\(epoch)/\(sequence)" }
}

/// How much lies in a part of a lane.
package struct JournalCount: Hashable, Sendable {
    /// Sequences.
    package var count: UInt64 = 0
    package var records = 0
    /// Of the records, as they stand in the files.
    package var bytes = 0
}
