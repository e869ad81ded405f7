/// What `EventBlocks` says about the lines at hand.
package enum CutDecision: Hashable, Sendable {
    /// So many bytes from the front make a chunk. More than the limit only if a single event, or line, is larger.
    case cut(Int)
    /// An event is open at the end: give its rest some quiet time to come, then ask with `isEnd`.
    case wait
}

/// Decides where lines may be cut into chunks so that an event of several lines stays in one.
///
/// After `.cut(n)` it may be asked again; once exactly n bytes are taken from the front, call `advance`, after anything else `reset`.
package struct EventBlocks: Sendable {
    /// An event that is larger is cut all the same.
    package let hardLimit: Int
    /// Whether a container runtime wrote the lines. To be set before the first.
    package var isContainerFile = false {
        didSet { reset() }
    }
    private var atFront = EventTracker()
    /// The events that are open behind the last cut.
    private var behindCut = EventTracker()

    package init(hardLimit: Int = 1 << 20) {
        self.hardLimit = max(1, hardLimit)
    }

    /// Forgets the event that is open: the next bytes are not those that followed the last cut.
    package mutating func reset() {
        atFront = EventTracker(isContainerFile: isContainerFile)
        behindCut = atFront
    }

    /// The bytes up to the last cut have been taken.
    package mutating func advance() {
        atFront = behindCut
        behindCut = EventTracker(isContainerFile: isContainerFile)
    }

    /// - Parameters:
    ///   - lines: whole lines; what follows the last `\n` is left alone.
    ///   - limit: the most bytes of a chunk that can be cut smaller.
    ///   - isEnd: nothing more came for the quiet time, or will ever come.
    package mutating func cutPoint(in lines: UnsafeRawBufferPointer, limit: Int, isEnd: Bool) -> CutDecision {
        var tracker = atFront
        var (start, allowed) = (0, 0)
        while let end = LineBytes.end(from: start, in: lines) {
            let line = UnsafeRawBufferPointer(rebasing: lines[start..<end])
            if tracker.isOutside, EventTracker.isPlain(line) {
                allowed = start
                if allowed > 0, end > limit { return cut(allowed) }
            } else {
                var ahead = tracker
                if !ahead.next(line).isInside { allowed = start }
                if allowed > 0, end > limit { return cut(allowed) }
                if start > 0, allowed == 0, end > max(limit, hardLimit) { return cut(start, tracker) }
                tracker = ahead
            }
            start = end
        }
        guard start > 0 else { return .wait }
        if isEnd || !tracker.isOpen { return cut(start) }
        return allowed > 0 ? cut(allowed) : .wait
    }

    /// - Parameter tracker: of what is open behind the cut; nothing, if `nil`.
    private mutating func cut(_ count: Int, _ tracker: EventTracker? = nil) -> CutDecision {
        behindCut = tracker ?? EventTracker(isContainerFile: isContainerFile)
        return .cut(count)
    }

    /// The lines with those of interleaved events put together: each event's lines take, in their order, the next places that any event's
    /// lines had. Lines outside events, and those whose writer no prefix names, stay at their line number. `nil` if nothing is interleaved.
    package static func grouped(_ lines: UnsafeRawBufferPointer) -> [UInt8]? {
        var tracker = EventTracker()
        var ranges: [Range<Int>] = []
        var places: [Int] = []
        var events: [Int] = []
        var isChanged = false
        var order: [Int] = []
        func settle() {
            let sorted = places.indices.sorted { (events[$0], $0) < (events[$1], $1) }
            for (place, source) in zip(places, sorted) {
                if places[source] != place { isChanged = true }
                order[place] = places[source]
            }
            places.removeAll(keepingCapacity: true)
            events.removeAll(keepingCapacity: true)
        }
        var start = 0
        while start < lines.count {
            let end = LineBytes.end(from: start, in: lines) ?? lines.count
            let step = tracker.next(UnsafeRawBufferPointer(rebasing: lines[start..<end]))
            if !step.isInside { settle() }
            if let event = step.event, step.isNamed {
                places.append(ranges.count)
                events.append(event)
            }
            order.append(ranges.count)
            ranges.append(start..<end)
            start = end
        }
        settle()
        guard isChanged else { return nil }
        var text: [UInt8] = []
        text.reserveCapacity(lines.count)
        for (place, source) in order.enumerated() {
            text.append(contentsOf: ContainerText.withoutEnd(UnsafeRawBufferPointer(rebasing: lines[ranges[source]])))
            if place < order.count - 1 || lines.last == 0x0A { text.append(0x0A) }
        }
        return text
    }
}
