/// A batch of consecutive sequences of one lane and epoch: what is written, checked and read as one.
package struct JournalRecord: Hashable, Sendable {
    /// Where the batch's source stands after it.
    package struct Source: Hashable, Sendable {
        /// Names the source; 1 to 65 535 bytes.
        package var key: String
        /// Up to 65 535 bytes that only the source's reader understands.
        package var bytes: [UInt8]

        package init(key: String, bytes: [UInt8]) {
            self.key = key
            self.bytes = bytes
        }
    }

    /// 1 to 64 of `[A-Za-z0-9_.-]`, but not `.` or `..`.
    package var lane: String
    package var epoch: UInt64
    /// From 1 on.
    package var firstSequence: UInt64
    /// How many sequences the batch has; at least 1.
    package var count: UInt32
    /// The earliest collection time in the batch: seconds since 1970.
    package var earliest: Int64
    /// The latest collection time in the batch: seconds since 1970.
    package var latest: Int64
    package var source: Source?
    /// What the journal does not look into.
    package var payload: [UInt8]

    package init(
        lane: String, epoch: UInt64, firstSequence: UInt64, count: UInt32, earliest: Int64, latest: Int64,
        source: Source? = nil, payload: [UInt8]
    ) {
        self.lane = lane
        self.epoch = epoch
        self.firstSequence = firstSequence
        self.count = count
        self.earliest = earliest
        self.latest = latest
        self.source = source
        self.payload = payload
    }

    package var first: LanePoint { LanePoint(epoch: epoch, sequence: firstSequence) }

    package var last: LanePoint { LanePoint(epoch: epoch, sequence: firstSequence &+ UInt64(count) &- 1) }
}

/// A source's position and the number of the record that set it: of two, the higher number is the newer.
struct StoredPosition: Hashable, Sendable {
    var number: UInt64
    /// The lane of that record, whose segments keep the position: so it is lost if and only if the record is.
    var lane: String
    var bytes: [UInt8]
}

extension [String: StoredPosition] {
    mutating func note(_ key: String, _ position: StoredPosition) {
        if let known = self[key], known.number > position.number { return }
        self[key] = position
    }

    mutating func note(_ header: RecordHeader, lane: String) {
        guard let source = header.source else { return }
        note(source.key, StoredPosition(number: header.number, lane: lane, bytes: source.bytes))
    }

    mutating func note(_ others: [String: StoredPosition]) {
        for (key, position) in others { note(key, position) }
    }
}
