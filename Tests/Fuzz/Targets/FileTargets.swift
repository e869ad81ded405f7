internal import Diagnosis
internal import SystemSupport

@testable internal import DLRoverListener
@testable internal import FailureDiagnosis
@testable internal import Journal
@testable internal import ZMQBridge

/// Files of the state directory, and compressed ones.
extension FuzzTarget {
    static let files = [FuzzTarget("journal", journal), FuzzTarget("ledger", ledger), FuzzTarget("gzip", gzip)]

    /// Segment files of two lanes: in every other input their checksums are made right, so that what lies behind them is reached.
    private static func journal(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let mode = input.byte()
        var files: [String: [UInt8]] = [:]
        for (index, part) in SegmentBytes.split(input.all(), most: 4).enumerated() {
            let lane = index == 3 ? "B" : "A"
            files["/j/\(lane)/\(SegmentName.of(UInt64(index + 1)))"] =
                mode & 1 == 0 ? part : SegmentBytes.repaired(part)
        }
        let size = files.values.reduce(0) { $0 + $1.count }
        let system = MemoryFileSystem(files)
        var configuration = JournalConfiguration(segmentBytes: 4096, totalBytes: 1 << 20)
        configuration.now = { 1_800_000_000 }
        configuration.isReadOnly = mode & 2 != 0
        guard let journal = try? Journal.open(directory: "/j", configuration: configuration, fileSystem: system) else {
            return
        }
        use(journal)
        guard mode & 2 == 0 else { return }
        for lane in journal.lanes where lane.newest.map({ $0.sequence < .max - 2 }) ?? true {
            let next = LanePosition(epoch: lane.newest?.epoch ?? 1, sequence: (lane.newest?.sequence ?? 0) + 1)
            _ = try? journal.append([
                JournalRecord(
                    lane: lane.name, epoch: next.epoch, firstSequence: next.sequence, count: 1, earliest: 1, latest: 1,
                    payload: [1])
            ])
        }
        require(system.byteCount <= 2 * size + (64 << 10), "the files grew to \(system.byteCount) bytes from \(size)")
        guard let again = try? Journal.open(directory: "/j", configuration: configuration, fileSystem: system) else {
            return require(false, "a journal that was repaired can't be opened")
        }
        require(again.recovery.isClean, "a journal that was repaired needs more: \(again.recovery)")
        use(again)
    }

    /// Everything that asks a journal what it has.
    private static func use(_ journal: Journal) {
        for lane in journal.lanes {
            let reader = journal.reader(lane: lane.name)
            var position = LanePosition(epoch: 0, sequence: 0)
            while let item = try? reader.next() {
                switch item {
                case .record(let record):
                    require(record.last > position, "a reader went back")
                    position = record.last
                    try? EnvelopeRecord.read(record.payload, first: record.first, count: Int(record.count)) { _ in true
                    }
                case .gap(let gap): position = max(position, gap.through)
                }
            }
            _ = try? journal.count(lane: lane.name, after: position)
            _ = try? journal.position(lane: lane.name, since: 1_700_000_000)
            _ = try? journal.position(lane: lane.name, last: 3)
            _ = journal.ends(of: lane.name)
        }
        _ = try? journal.verify()
        let state = PublisherState(
            id: PublisherID(high: 1, low: 2), epoch: 7, journal: journal, ledger: PublisherLedger())
        _ = try? state.status(now: 0)
    }

    /// `ledger.json` and `publisher.json`, and what becomes of what they say.
    private static func ledger(_ bytes: [UInt8]) {
        _ = try? ControlJSON.decode(PublisherIdentity.self, bytes)
        guard let ledger = try? ControlJSON.decode(PublisherLedger.self, bytes) else { return }
        let journal = SampleJournal.make()
        let state = PublisherState(id: PublisherID(high: 1, low: 2), epoch: 10, journal: journal, ledger: ledger)
        _ = try? state.status(now: 0)
        var account = ConsumerAccount(consumer: "c")
        for (lane, known) in ledger.lanes.sorted(by: { $0.key < $1.key }) {
            if let newest = known.history.newest {
                account.lanes.append(.init(dataType: DiagnosisDataType(rawValue: lane), through: newest))
            }
            _ = state.withLedger { $0.finished(lane) }
        }
        state.withLedger { ledger in
            _ = ledger.recordAccount(account, epoch: 10, now: 1)
            ledger.recordVolatile(SequenceRange(epoch: 10, first: 3, last: 4), lane: "GENERIC")
        }
        _ = try? state.status(now: 0)
    }

    /// gzip as a log's input and as a request's body: in pieces the same as whole, and never more than is allowed.
    private static func gzip(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let size = Int(input.byte())
        let packed = input.all()
        let whole = unpacked(packed, size: packed.count)
        let inPieces = unpacked(packed, size: size)
        require(whole.bytes == inPieces.bytes && whole.end == inPieces.end, "in pieces it is something else")
        var rest = packed[...]
        let log = try? LogInput(name: "x", isPipe: true, kept: 4096, deadline: nil) { (block) throws(SystemCallError) in
            let piece = rest.prefix(min(block.count, size + 1))
            block.copyBytes(from: piece)
            rest = rest.dropFirst(piece.count)
            return piece.count
        }
        if let log { require(log.tail.size >= log.tail.start, "a tail starts behind its end") }
    }

    private static func unpacked(_ packed: [UInt8], size: Int) -> (bytes: [UInt8], end: GzipReader.End?) {
        var rest = packed[...]
        let reader = GzipReader { (block) throws(SystemCallError) in
            let piece = rest.prefix(min(block.count, max(1, size)))
            block.copyBytes(from: piece)
            rest = rest.dropFirst(piece.count)
            return piece.count
        }
        var block = [UInt8](repeating: 0, count: 4096)
        var bytes: [UInt8] = []
        while bytes.count < 1 << 20 {
            let count = block.withUnsafeMutableBytes { (try? reader.read(into: $0)) ?? 0 }
            if count == 0 { break }
            bytes += block[..<count]
        }
        // Where a limit ends it, what was read by then depends on the pieces.
        return reader.end == nil ? ([], nil) : (bytes, reader.end)
    }
}

/// Segment files out of an input.
enum SegmentBytes {
    /// Parts of an input: each begins with the magic number that segments begin with.
    static func split(_ bytes: [UInt8], most: Int) -> [[UInt8]] {
        let magic = withUnsafeBytes(of: SegmentHeader.magic.bigEndian, Array.init)
        var starts = [0]
        for index in bytes.indices.dropFirst() where bytes[index...].starts(with: magic) { starts.append(index) }
        starts = Array(starts.prefix(most))
        return starts.indices.map { index in
            Array(bytes[starts[index]..<(index + 1 < starts.count ? starts[index + 1] : bytes.count)])
        }
    }

    /// The same with right checksums, as far as the lengths in it make sense.
    static func repaired(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        guard bytes.count >= SegmentHeader.preludeLength else { return bytes }
        bytes.replace(at: 16, bigEndian: checksum(bytes, 0, 16))
        let length = Int(bytes[12]) << 24 | Int(bytes[13]) << 16 | Int(bytes[14]) << 8 | Int(bytes[15])
        if length >= SegmentHeader.preludeLength + 4, length <= bytes.count {
            bytes.replace(at: length - 4, bigEndian: checksum(bytes, SegmentHeader.preludeLength, length - 4))
        }
        let marker = withUnsafeBytes(of: RecordHeader.marker.bigEndian, Array.init)
        var index = 0
        while index + RecordHeader.fixedLength <= bytes.count {
            guard bytes[index...].starts(with: marker) else {
                index += 1
                continue
            }
            index += max(1, repairRecord(at: index, in: &bytes))
        }
        return bytes
    }

    /// - Returns: the record's length; 0 if it has none.
    private static func repairRecord(at start: Int, in bytes: inout [UInt8]) -> Int {
        let header = bytes[start...].withUnsafeBytes { RecordHeader.length(atStartOf: $0) } ?? 0
        let payload =
            Int(bytes[start + 12]) << 24 | Int(bytes[start + 13]) << 16 | Int(bytes[start + 14]) << 8
            | Int(bytes[start + 15])
        guard header > 0, start + header + payload <= bytes.count else { return 0 }
        bytes.replace(at: start + 8, bigEndian: checksum(bytes, start + header, start + header + payload))
        bytes.replace(at: start + 4, bigEndian: checksum(bytes, start + 8, start + header))
        return header + payload
    }

    private static func checksum(_ bytes: [UInt8], _ start: Int, _ end: Int) -> UInt32 {
        bytes.withUnsafeBytes { CRC32C.of(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
    }
}
