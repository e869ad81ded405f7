package import Diagnosis

/// A batch of consecutive sequences of one lane and epoch: written, checked and read as one.
package struct JournalRecord: Hashable, Sendable {
    /// The position in the batch's source that follows the batch.
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
    /// Opaque to the journal.
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

    package var first: LanePosition { LanePosition(epoch: epoch, sequence: firstSequence) }

    package var last: LanePosition { LanePosition(epoch: epoch, sequence: firstSequence &+ UInt64(count) &- 1) }
}

/// A source's position and the number of the record that set it: of two, the higher number is the newer.
struct StoredSource: Hashable, Sendable {
    var number: UInt64
    /// The lane of that record. Its segments keep the position, so the position is lost if and only if the record is.
    var lane: String
    var bytes: [UInt8]
}

extension [String: StoredSource] {
    /// Takes over a record's source, unless a newer record has set it already.
    mutating func recordSource(of header: RecordHeader, lane: String) {
        guard let source = header.source else { return }
        record(StoredSource(number: header.number, lane: lane, bytes: source.bytes), key: source.key)
    }

    /// Takes over those that are newer.
    mutating func merge(_ others: [String: StoredSource]) {
        for (key, source) in others { record(source, key: key) }
    }

    private mutating func record(_ source: StoredSource, key: String) {
        if let known = self[key], known.number > source.number { return }
        self[key] = source
    }
}
