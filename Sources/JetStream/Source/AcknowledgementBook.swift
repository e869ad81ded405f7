internal import Diagnosis

/// What has been handed over and is not finished yet, lane by lane: a value without I/O.
struct AcknowledgementBook {
    private struct Entry {
        var position: LanePosition
        var acknowledgement: String
        /// The node's reader.
        var reader: String
        var told: ContinuousClock.Instant
    }

    private var lanes: [Lane: [Entry]] = [:]
    private var cursors: [Lane: LanePosition] = [:]

    var count: Int { lanes.values.reduce(0) { $0 + $1.count } }

    /// - Returns: where to acknowledge at once, since it is finished.
    mutating func add(
        _ pending: [(lane: Lane, position: LanePosition, acknowledgement: String)], of reader: String,
        now: ContinuousClock.Instant
    ) -> [String] {
        var finished: [String] = []
        for (lane, position, acknowledgement) in pending {
            if let cursor = cursors[lane], position <= cursor {
                finished.append(acknowledgement)
                continue
            }
            let entry = Entry(position: position, acknowledgement: acknowledgement, reader: reader, told: now)
            var entries = lanes[lane] ?? []
            // Mostly the last; but what is sent once more comes late.
            let place = entries.lastIndex { $0.position <= position }.map { $0 + 1 } ?? 0
            entries.insert(entry, at: place)
            lanes[lane] = entries
        }
        return finished
    }

    /// Takes in how far a lane is finished.
    ///
    /// - Returns: where to acknowledge.
    mutating func finish(_ lane: Lane, through cursor: LanePosition) -> [String] {
        guard cursors[lane].map({ $0 < cursor }) ?? true else { return [] }
        cursors[lane] = cursor
        guard var entries = lanes[lane] else { return [] }
        let count = entries.firstIndex { $0.position > cursor } ?? entries.count
        let finished = entries.prefix(count).map(\.acknowledgement)
        entries.removeFirst(count)
        lanes[lane] = entries.isEmpty ? nil : entries
        return finished
    }

    /// Those that the stream must be told are still being worked on: it would send them again.
    mutating func held(since pause: Duration, now: ContinuousClock.Instant) -> [String] {
        var held: [String] = []
        for lane in lanes.keys {
            lanes[lane]?.update { entry in
                guard entry.told.duration(to: now) >= pause else { return }
                entry.told = now
                held.append(entry.acknowledgement)
            }
        }
        return held
    }

    /// Whether something of a reader is not finished.
    func holds(of reader: String) -> Bool {
        lanes.values.contains { $0.contains { $0.reader == reader } }
    }

    /// Forgets what a reader handed over: the stream will give it to another one.
    mutating func forget(_ reader: String) {
        for (lane, entries) in lanes {
            let rest = entries.filter { $0.reader != reader }
            lanes[lane] = rest.isEmpty ? nil : rest
        }
    }
}

extension Array {
    fileprivate mutating func update(_ body: (inout Element) -> Void) {
        for index in indices { body(&self[index]) }
    }
}
