import Diagnosis

@testable import Journal

/// A record whose payload can be told from its place, so that a mixed-up one shows.
func record(
    _ lane: String, _ epoch: UInt64, _ first: UInt64, count: UInt32 = 1, size: Int = 100,
    time: Int64? = nil, source: JournalRecord.Source? = nil
) -> JournalRecord {
    let seed = UInt8(truncatingIfNeeded: first &* 31 &+ epoch &* 7 &+ UInt64(lane.utf8.first ?? 0))
    return JournalRecord(
        lane: lane, epoch: epoch, firstSequence: first, count: count, earliest: time ?? Int64(clamping: first),
        latest: time ?? Int64(clamping: first) &+ Int64(count) - 1, source: source,
        payload: (0..<size).map { UInt8(truncatingIfNeeded: $0) &* 13 &+ seed })
}

func record(
    _ lane: String, _ first: UInt64, count: UInt32 = 1, size: Int = 100, time: Int64? = nil,
    source: JournalRecord.Source? = nil
) -> JournalRecord {
    record(lane, 1, first, count: count, size: size, time: time, source: source)
}

func position(_ key: String, _ value: UInt8) -> JournalRecord.Source {
    JournalRecord.Source(key: key, bytes: [value])
}

func point(_ epoch: UInt64, _ sequence: UInt64) -> LanePosition {
    LanePosition(epoch: epoch, sequence: sequence)
}

extension JournalReader {
    /// Everything up to the present end.
    func all() throws -> [Item] {
        var items: [Item] = []
        while let item = try next() { items.append(item) }
        return items
    }
}

extension Journal {
    func records(_ lane: String = "A", after point: LanePosition? = nil) throws -> [JournalRecord] {
        try reader(lane: lane, after: point).all().compactMap {
            if case .record(let record) = $0 { record } else { nil }
        }
    }

    func gaps(_ lane: String = "A", after point: LanePosition? = nil) throws -> [JournalGap] {
        try reader(lane: lane, after: point).all().compactMap { if case .gap(let gap) = $0 { gap } else { nil } }
    }
}

/// Small bounds, so that a few records reach them.
func small(
    segment: Int = 4096, total: Int = 1 << 20, durability: JournalConfiguration.Durability = .processCrash
) -> JournalConfiguration {
    var configuration = JournalConfiguration(durability: durability, segmentBytes: segment, totalBytes: total)
    configuration.now = { 1_800_000_000 }
    return configuration
}
