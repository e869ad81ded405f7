internal import Diagnosis

/// What a segment begins with: its number, what came before it, and the lane's source positions at that moment.
struct SegmentHeader: Hashable, Sendable {
    static let magic: UInt64 = 0x6172_6F62_6A72_6E6C  // "arobjrnl"
    static let version: UInt32 = 1
    /// Magic, version, length, checksum of these: the same in all versions to come.
    static let preludeLength = 20

    /// From the same count as the records' numbers.
    var number: UInt64
    /// The segment that was the lane's newest when this one was begun, and how many of its bytes count; 0 if there was none.
    var previousNumber: UInt64 = 0
    var previousLength: UInt64 = 0
    /// What was in that segment: tells exactly what is lost if it is damaged.
    var previousRuns: [Segment.Run] = []
    /// The newest position of the lane at that moment; zeros in the file if there was none.
    var last: LanePosition?
    var lane: String
    var sources: [String: StoredSource]

    func encode() -> [UInt8] {
        var body: [UInt8] = []
        body.append(bigEndian: number)
        body.append(bigEndian: previousNumber)
        body.append(bigEndian: previousLength)
        body.append(bigEndian: last?.epoch ?? 0)
        body.append(bigEndian: last?.sequence ?? 0)
        body.append(bigEndian: UInt16(lane.utf8.count))
        body.append(contentsOf: lane.utf8)
        body.append(bigEndian: UInt32(previousRuns.count))
        for run in previousRuns {
            for number in [run.epoch, run.first, run.last, run.count] { body.append(bigEndian: number) }
        }
        body.append(bigEndian: UInt32(sources.count))
        for (key, position) in sources.sorted(by: { $0.key < $1.key }) {
            body.append(bigEndian: position.number)
            body.append(bigEndian: UInt16(key.utf8.count))
            body.append(bigEndian: UInt16(position.bytes.count))
            body.append(contentsOf: key.utf8)
            body.append(contentsOf: position.bytes)
        }
        body.append(bigEndian: body.withUnsafeBytes { CRC32C.of($0) })

        var bytes: [UInt8] = []
        bytes.append(bigEndian: Self.magic)
        bytes.append(bigEndian: Self.version)
        bytes.append(bigEndian: UInt32(Self.preludeLength + body.count))
        bytes.append(bigEndian: bytes.withUnsafeBytes { CRC32C.of($0) })
        return bytes + body
    }

    /// The version and the whole header's length, if the bytes begin as a segment does.
    static func prelude(_ bytes: UnsafeRawBufferPointer) -> (version: UInt32, length: Int)? {
        var reader = BigEndianReader(bytes)
        guard reader.number(UInt64.self) == magic, let version = reader.number(UInt32.self),
            let length = reader.number(UInt32.self), let checksum = reader.number(UInt32.self),
            checksum == CRC32C.of(UnsafeRawBufferPointer(rebasing: bytes[..<16])), length >= preludeLength + 4
        else { return nil }
        return (version, Int(length))
    }

    /// Reads the whole header, prelude and all; `nil` if it is not what was written.
    init?(_ bytes: UnsafeRawBufferPointer) {
        let body = UnsafeRawBufferPointer(rebasing: bytes[Self.preludeLength..<bytes.count - 4])
        var end = BigEndianReader(UnsafeRawBufferPointer(rebasing: bytes[(bytes.count - 4)...]))
        guard end.number(UInt32.self) == CRC32C.of(body) else { return nil }
        var reader = BigEndianReader(body)
        guard let number = reader.number(UInt64.self), let previousNumber = reader.number(UInt64.self),
            let previousLength = reader.number(UInt64.self), let epoch = reader.number(UInt64.self),
            let sequence = reader.number(UInt64.self), let laneLength = reader.number(UInt16.self),
            let lane = reader.bytes(Int(laneLength)), let runCount = reader.number(UInt32.self)
        else { return nil }
        var runs: [Segment.Run] = []
        for _ in 0..<runCount {
            guard let epoch = reader.number(UInt64.self), let first = reader.number(UInt64.self),
                let last = reader.number(UInt64.self), let count = reader.number(UInt64.self), first > 0, first <= last,
                last < .max, count <= last - first + 1
            else { return nil }
            runs.append(Segment.Run(epoch: epoch, first: first, last: last, count: count))
        }
        guard let count = reader.number(UInt32.self), number <= SegmentName.highest, sequence < .max else { return nil }
        var sources: [String: StoredSource] = [:]
        for _ in 0..<count {
            guard let number = reader.number(UInt64.self), let keyLength = reader.number(UInt16.self),
                let length = reader.number(UInt16.self), let key = reader.bytes(Int(keyLength)),
                let bytes = reader.bytes(Int(length))
            else { return nil }
            sources[String(decoding: key, as: UTF8.self)] = StoredSource(
                number: number, lane: String(decoding: lane, as: UTF8.self), bytes: bytes)
        }
        self.number = number
        self.previousNumber = previousNumber
        self.previousLength = previousLength
        previousRuns = runs
        self.last = sequence == 0 ? nil : LanePosition(epoch: epoch, sequence: sequence)
        self.lane = String(decoding: lane, as: UTF8.self)
        self.sources = sources
    }

    init(
        number: UInt64, previous: Segment?, last: LanePosition?, lane: String, sources: [String: StoredSource]
    ) {
        self.number = number
        previousNumber = previous?.number ?? 0
        previousLength = previous?.length ?? 0
        previousRuns = previous?.runs ?? []
        self.last = last
        self.lane = lane
        self.sources = sources
    }
}
