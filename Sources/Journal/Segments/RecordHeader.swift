internal import Diagnosis

/// The header of a record in a segment: everything before its payload.
struct RecordHeader: Hashable, Sendable {
    static let marker: UInt32 = 0x4A52_4543  // "JREC"
    /// Its length without the source.
    static let fixedLength = 72
    static let longestPart = Int(UInt16.max)
    static let longestPayload = 1 << 30

    var payloadChecksum: UInt32 = 0
    var payloadLength: Int
    var count: UInt32
    /// Counts all records and segments of the journal up, whatever their lane.
    var number: UInt64
    var epoch: UInt64
    var firstSequence: UInt64
    var earliest: Int64
    var latest: Int64
    /// When it was written: seconds since 1970.
    var writtenAt: Int64
    var source: JournalRecord.Source?
    /// Of the header with the source.
    var length: Int

    var first: LanePosition { LanePosition(epoch: epoch, sequence: firstSequence) }
    var last: LanePosition { LanePosition(epoch: epoch, sequence: firstSequence &+ UInt64(count) &- 1) }
    var recordLength: Int { length + payloadLength }

    init(_ record: JournalRecord, number: UInt64, writtenAt: Int64) {
        payloadLength = record.payload.count
        count = record.count
        self.number = number
        epoch = record.epoch
        firstSequence = record.firstSequence
        earliest = record.earliest
        latest = record.latest
        self.writtenAt = writtenAt
        source = record.source
        length = Self.length(of: record)
    }

    static func length(of record: JournalRecord) -> Int {
        fixedLength + (record.source.map { $0.key.utf8.count + $0.bytes.count } ?? 0)
    }

    /// Appends the header and the payload.
    func encode(payload: [UInt8], into bytes: inout [UInt8]) {
        let start = bytes.count
        let key = source.map { Array($0.key.utf8) } ?? []
        let sourceBytes = source?.bytes ?? []
        withUnsafeTemporaryAllocation(byteCount: Self.fixedLength, alignment: 8) { fixed in
            fixed.store(bigEndian: Self.marker, at: 0)
            fixed.store(bigEndian: UInt32(0), at: 4)
            fixed.store(bigEndian: payload.withUnsafeBytes { CRC32C.of($0) }, at: 8)
            fixed.store(bigEndian: UInt32(payload.count), at: 12)
            fixed.store(bigEndian: UInt16(key.count), at: 16)
            fixed.store(bigEndian: UInt16(sourceBytes.count), at: 18)
            fixed.store(bigEndian: count, at: 20)
            fixed.store(bigEndian: number, at: 24)
            fixed.store(bigEndian: epoch, at: 32)
            fixed.store(bigEndian: firstSequence, at: 40)
            fixed.store(bigEndian: earliest, at: 48)
            fixed.store(bigEndian: latest, at: 56)
            fixed.store(bigEndian: writtenAt, at: 64)
            bytes.append(contentsOf: UnsafeRawBufferPointer(fixed))
        }
        bytes.append(contentsOf: key)
        bytes.append(contentsOf: sourceBytes)
        let checksum = bytes.withUnsafeBytes { CRC32C.of(UnsafeRawBufferPointer(rebasing: $0[(start + 8)...])) }
        bytes.replace(at: start + 4, bigEndian: checksum)
        bytes.append(contentsOf: payload)
    }

    /// How long the header is that begins with `bytes`, as far as they can tell; `nil` if no header begins so.
    static func length(atStartOf bytes: UnsafeRawBufferPointer) -> Int? {
        var reader = BigEndianReader(bytes)
        guard reader.number(UInt32.self) == marker, reader.bytes(12) != nil, let key = reader.number(UInt16.self),
            let source = reader.number(UInt16.self)
        else { return nil }
        return fixedLength + Int(key) + Int(source)
    }

    /// Reads a header and checks it; `nil` if it isn't one or not whole.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let length = Self.length(atStartOf: bytes), length <= bytes.count else { return nil }
        var reader = BigEndianReader(bytes)
        guard reader.number(UInt32.self) == Self.marker, let checksum = reader.number(UInt32.self),
            checksum == CRC32C.of(UnsafeRawBufferPointer(rebasing: bytes[8..<length])),
            let payloadChecksum = reader.number(UInt32.self), let payloadLength = reader.number(UInt32.self),
            let keyLength = reader.number(UInt16.self), let sourceLength = reader.number(UInt16.self),
            let count = reader.number(UInt32.self), let number = reader.number(UInt64.self),
            let epoch = reader.number(UInt64.self), let firstSequence = reader.number(UInt64.self),
            let earliest = reader.number(Int64.self), let latest = reader.number(Int64.self),
            let writtenAt = reader.number(Int64.self), let key = reader.bytes(Int(keyLength)),
            let source = reader.bytes(Int(sourceLength)),
            number <= SegmentName.highest, count > 0, firstSequence > 0,
            !firstSequence.addingReportingOverflow(UInt64(count)).overflow,
            payloadLength <= Self.longestPayload
        else { return nil }
        self.payloadChecksum = payloadChecksum
        self.payloadLength = Int(payloadLength)
        self.count = count
        self.number = number
        self.epoch = epoch
        self.firstSequence = firstSequence
        self.earliest = earliest
        self.latest = latest
        self.writtenAt = writtenAt
        self.source = key.isEmpty ? nil : .init(key: String(decoding: key, as: UTF8.self), bytes: source)
        self.length = length
    }

    /// Whether the last bytes of a file can be a record whose write is not finished: the beginning of one, and fewer bytes than its
    /// header says.
    ///
    /// - Parameters:
    ///   - head: the first of these bytes, up to `fixedLength`.
    ///   - length: how many bytes there are in all.
    static func isUnfinished(_ head: UnsafeRawBufferPointer, length: UInt64) -> Bool {
        let begins = Swift.withUnsafeBytes(of: marker.bigEndian) { zip($0, head).allSatisfy { $0 == $1 } }
        guard begins else { return false }
        guard head.count >= fixedLength, let headerLength = Self.length(atStartOf: head) else { return true }
        let payloadLength = UInt32(bigEndian: head.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
        return payloadLength <= longestPayload && length < UInt64(headerLength) + UInt64(payloadLength)
    }

    func record(lane: String, payload: [UInt8]) -> JournalRecord {
        JournalRecord(
            lane: lane, epoch: epoch, firstSequence: firstSequence, count: count, earliest: earliest, latest: latest,
            source: source, payload: payload)
    }
}
