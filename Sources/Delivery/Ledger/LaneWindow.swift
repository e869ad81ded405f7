internal import DequeModule
internal import Diagnosis

/// How far a lane is: the cursor, what has been received after it, and what of that is finished already.
///
/// Envelopes are finished in any order, since nodes are served side by side. Gaps count as finished. The cursor moves to the end of what
/// is finished without a hole.
struct LaneWindow {
    private enum Segment {
        case envelopes(SequenceRange)
        case gap(StreamGap)
    }

    /// Everything up to here is finished.
    private(set) var cursor: LanePosition
    /// Everything up to here has been received.
    private(set) var received: LanePosition
    /// What is finished beyond the cursor: in order, neighbours joined. After a restart it may lie beyond `received`.
    private(set) var ahead: [SequenceRange]
    /// What has been received after the cursor, in order.
    private var segments: Deque<Segment> = []

    init(cursor: LanePosition, ahead: [SequenceRange] = []) {
        self.cursor = cursor
        received = cursor
        self.ahead = ahead
    }

    /// Enters envelopes that follow `received`.
    mutating func receive(_ range: SequenceRange) {
        received = range.end
        if case .envelopes(var last)? = segments.last, last.epoch == range.epoch, last.last + 1 == range.first {
            last.last = range.last
            segments[segments.count - 1] = .envelopes(last)
        } else {
            segments.append(.envelopes(range))
        }
    }

    /// Enters a gap that follows `received`.
    mutating func receive(_ gap: StreamGap) {
        received = gap.through
        segments.append(.gap(gap))
    }

    /// The parts of `range` that are not finished yet: all of it, except after a restart.
    func unfinished(of range: SequenceRange) -> [SequenceRange] {
        guard let last = ahead.last, last.end >= range.start else { return [range] }
        var parts: [SequenceRange] = []
        var next = range.first
        for done in ahead[index(notBefore: range.start)...] {
            guard done.epoch == range.epoch, done.first <= range.last else { break }
            if next < done.first {
                parts.append(SequenceRange(epoch: range.epoch, first: next, last: done.first - 1))
            }
            next = max(next, done.last + 1)
        }
        if next <= range.last { parts.append(SequenceRange(epoch: range.epoch, first: next, last: range.last)) }
        return parts
    }

    /// Marks envelopes as finished. Each may be marked once only.
    mutating func finish(_ range: SequenceRange) {
        let next = index(notBefore: range.start)
        let joinsPrevious =
            next > 0 && ahead[next - 1].epoch == range.epoch && ahead[next - 1].last + 1 == range.first
        let joinsNext =
            next < ahead.count && ahead[next].epoch == range.epoch && range.last + 1 == ahead[next].first
        switch (joinsPrevious, joinsNext) {
        case (true, true):
            ahead[next - 1].last = ahead[next].last
            ahead.remove(at: next)
        case (true, false): ahead[next - 1].last = range.last
        case (false, true): ahead[next].first = range.first
        case (false, false): ahead.insert(range, at: next)
        }
    }

    /// Moves the cursor over what is finished and over gaps.
    ///
    /// - Returns: the gaps that it has passed. What was finished before it fell into a gap is not in their counts.
    mutating func advance() -> [StreamGap] {
        var passed: [StreamGap] = []
        var finished = 0
        while let segment = segments.first {
            switch segment {
            case .gap(var gap):
                cursor = gap.through
                gap.count -= min(gap.count, dropAhead(from: &finished, through: gap.through))
                passed.append(gap)
                segments.removeFirst()
            case .envelopes(var range):
                // Finished in a run whose end the publisher's system has lost: it is never received again.
                while finished < ahead.count, ahead[finished].end < range.start { finished += 1 }
                guard finished < ahead.count, ahead[finished].epoch == range.epoch,
                    ahead[finished].first <= range.first
                else {
                    ahead.removeFirst(finished)
                    return passed
                }
                let last = min(ahead[finished].last, range.last)
                cursor = LanePosition(epoch: range.epoch, sequence: last)
                if last == ahead[finished].last {
                    finished += 1
                } else {
                    ahead[finished].first = last + 1
                }
                if last == range.last {
                    segments.removeFirst()
                } else {
                    range.first = last + 1
                    segments[0] = .envelopes(range)
                }
            }
        }
        ahead.removeFirst(finished)
        return passed
    }

    /// Takes what lies up to `place` off the ranges ahead, of which the first `finished` are taken off already.
    ///
    /// - Returns: how many envelopes that were.
    private mutating func dropAhead(from finished: inout Int, through place: LanePosition) -> UInt64 {
        var count: UInt64 = 0
        while finished < ahead.count, ahead[finished].start <= place {
            guard ahead[finished].end > place else {
                count += ahead[finished].count
                finished += 1
                continue
            }
            count += place.sequence - ahead[finished].first + 1
            ahead[finished].first = place.sequence + 1
        }
        return count
    }

    /// The index of the first range ahead that ends at this place or later.
    private func index(notBefore place: LanePosition) -> Int {
        var low = 0
        var high = ahead.count
        while low < high {
            let middle = (low + high) / 2
            if ahead[middle].end < place { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
