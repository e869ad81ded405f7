internal import Diagnosis

/// What the journal remembers of a segment file: enough to bound, find and count without reading it.
struct Segment: Sendable, Hashable {
    /// Sequences of one epoch in the segment, from the first to the last.
    struct Run: Sendable, Hashable {
        var epoch: UInt64
        var first: UInt64
        var last: UInt64
        /// How many of them were stored.
        var count: UInt64
    }

    /// A record that a search may begin with.
    struct Mark: Sendable, Hashable {
        var first: LanePosition
        var offset: UInt64
    }

    /// Marks are at least this far apart, in bytes, which bounds their number by the segment's size.
    static let markDistance: UInt64 = 256 << 10

    let number: UInt64
    let path: String
    let headerLength: UInt64
    /// How many of the file's bytes count.
    var length: UInt64
    var runs: [Run] = []
    var marks: [Mark] = []
    var records = 0
    var count: UInt64 = 0
    var times: ClosedRange<Int64>?
    var firstWritten: Int64 = 0
    var lastWritten: Int64 = 0
    var lastNumber: UInt64

    init(number: UInt64, path: String, headerLength: Int) {
        self.number = number
        self.path = path
        self.headerLength = UInt64(headerLength)
        length = UInt64(headerLength)
        lastNumber = number
    }

    var first: LanePosition? { runs.first.map { LanePosition(epoch: $0.epoch, sequence: $0.first) } }

    var last: LanePosition? { runs.last.map { LanePosition(epoch: $0.epoch, sequence: $0.last) } }

    /// Whether a record may come after what is there.
    func canBeFollowed(by header: RecordHeader) -> Bool {
        header.number > lastNumber && last.map { header.first > $0 } ?? true
    }

    mutating func add(_ header: RecordHeader, at offset: UInt64) {
        if marks.last.map({ offset - $0.offset >= Self.markDistance }) ?? true {
            marks.append(Mark(first: header.first, offset: offset))
        }
        if runs.last?.epoch == header.epoch {
            runs[runs.count - 1].last = header.last.sequence
            runs[runs.count - 1].count += UInt64(header.count)
        } else {
            runs.append(
                Run(
                    epoch: header.epoch, first: header.firstSequence, last: header.last.sequence,
                    count: UInt64(header.count)))
        }
        let earliest = min(header.earliest, header.latest)
        let latest = max(header.earliest, header.latest)
        times = times.map { min($0.lowerBound, earliest)...max($0.upperBound, latest) } ?? earliest...latest
        if records == 0 { firstWritten = header.writtenAt }
        lastWritten = max(lastWritten, header.writtenAt)
        lastNumber = header.number
        records += 1
        count += UInt64(header.count)
        length = offset + UInt64(header.recordLength)
    }

    /// Where to begin reading to find what follows `position`.
    func offset(after position: LanePosition?) -> UInt64 {
        guard let position else { return headerLength }
        return marks.last { $0.first <= position }?.offset ?? headerLength
    }

    func losses(lane: String, reason: JournalLoss.Reason) -> [JournalLoss] {
        runs.map {
            JournalLoss(
                lane: lane, epoch: $0.epoch, first: $0.first, last: $0.last, count: $0.count, reason: reason)
        }
    }
}

/// The names of segment files.
enum SegmentName {
    static let suffix = ".seg"
    static let corruptSuffix = ".corrupt"
    static let leftoverSuffix = ".leftover"
    private static let digits = 20
    /// No journal ever counts so far. A file or a record with a higher number is none of ours: counting on from it would overflow.
    static let highest = UInt64.max / 2

    static func of(_ number: UInt64) -> String {
        let text = String(number)
        return String(repeating: "0", count: digits - text.count) + text + suffix
    }

    /// The number of a segment, whether in use or set aside.
    static func number(of name: String) -> UInt64? {
        guard name.utf8.count >= digits else { return nil }
        return UInt64(name.prefix(digits)).flatMap { $0 <= highest ? $0 : nil }
    }

    static func isInUse(_ name: String) -> Bool {
        number(of: name).map { of($0) == name } ?? false
    }

    static func isCorrupt(_ name: String) -> Bool {
        number(of: name).map { of($0) + corruptSuffix == name } ?? false
    }
}

/// The rule for a lane's name, which is also its directory's name.
enum LaneName {
    static func isValid(_ name: String) -> Bool {
        1...64 ~= name.utf8.count && name != "." && name != ".."
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
