private import Glibc
internal import SystemSupport

/// What is known of how a publisher's last run ended.
struct RunEnd: Hashable {
    /// The system's boot of now. The journal of a process that was killed is whole, that of a system that went down need not be.
    var boot: String
    /// The last run in which something was published that the journal does not have.
    var volatileRun: UInt64?
    /// Whether the journal was found damaged.
    var isJournalDamaged = false
    /// The publisher's last run, as its identity says it.
    var lastRun: UInt64?

    /// The number of this boot (random(4)); empty where the system doesn't say.
    static func currentBoot() -> String {
        let bytes = try? WholeFile(path: "/proc/sys/kernel/random/boot_id").read(limit: 64)
        return String(decoding: bytes?.prefix { $0 > 0x20 } ?? [], as: UTF8.self)
    }
}

/// Of which runs of a publisher it is certain how long they were, so that a consumer's word on them can be checked.
///
/// The ledger is saved every second, and the journal has all that was published before a kill. Only after a power cut, or where envelopes
/// were published while the journal could not be written, may a consumer know of more than the publisher does.
struct RunRecord: Hashable, Codable {
    private static let mostUncertain = 64

    /// Runs up to here were not recorded, since a ledger was lost or is from an older version; `nil` if all were.
    private(set) var knownSince: UInt64?
    /// The present or last run, unless it has ended in order.
    private var open: UInt64?
    /// The boot in which that began.
    private var boot = ""
    /// The newest run of which this knows; `nil` where an earlier version wrote it.
    private var latest: UInt64?
    /// The newest runs that may have been longer than is known.
    private var uncertain: [UInt64] = []

    init(knownSince: UInt64? = nil) {
        self.knownSince = knownSince
    }

    /// Whether the run may have been longer than is known.
    func isUncertain(_ epoch: UInt64) -> Bool {
        uncertain.contains(epoch)
    }

    /// How many of these runs may have been longer than is known.
    func uncertainRuns(in range: ClosedRange<UInt64>) -> Int {
        uncertain.count { range.contains($0) }
    }

    /// Whether every run from this one on is recorded.
    func isRecorded(_ epoch: UInt64) -> Bool {
        knownSince.map { epoch > $0 } ?? true
    }

    mutating func note(_ end: RunEnd) {
        // A run whose beginning could not even be saved: the disk was full.
        if let latest {
            for run in [end.lastRun, end.volatileRun] {
                if let run, run > latest { addUncertain(run) }
            }
        }
        guard let last = open else { return }
        let isCertain = !end.boot.isEmpty && boot == end.boot && end.volatileRun != last && !end.isJournalDamaged
        if !isCertain { addUncertain(last) }
    }

    private mutating func addUncertain(_ run: UInt64) {
        guard !uncertain.contains(run) else { return }
        uncertain.append(run)
        guard uncertain.count > Self.mostUncertain else { return }
        // What is no longer listed must not become certain.
        knownSince = max(knownSince ?? 0, uncertain.removeFirst())
    }

    mutating func begin(_ epoch: UInt64, boot: String) {
        open = epoch
        latest = epoch
        self.boot = boot
    }

    mutating func end() {
        open = nil
    }
}

/// A file of a fixed length that names the last run in which something was published that the journal does not have. It is made while there
/// is room on the disk, and overwritten in place when there is none.
struct VolatileMark: Sendable {
    private static let length = 20
    private let file: WholeFile

    init(path: String) {
        file = WholeFile(path: path)
    }

    /// Makes the file, unless it is there.
    func prepare() throws(SystemCallError) {
        guard read() == nil else { return }
        try file.replace(with: Self.text(of: 0))
    }

    /// The run; `nil` if there is no file.
    func read() -> UInt64? {
        (try? file.read(limit: Self.length, followsLinks: false)).flatMap {
            UInt64(String(decoding: $0, as: UTF8.self))
        }
    }

    /// Names a run.
    func write(_ epoch: UInt64) throws(SystemCallError) {
        try WholeFile.write(Self.text(of: epoch), over: file.path)
    }

    private static func text(of epoch: UInt64) -> [UInt8] {
        let digits = Array("\(epoch)".utf8)
        return [UInt8](repeating: UInt8(ascii: "0"), count: length - digits.count) + digits
    }
}
