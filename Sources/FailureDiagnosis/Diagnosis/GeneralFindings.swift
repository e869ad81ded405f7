/// The general lines of one log, exceptions above all, which is read backwards: of each writer the last ones that belong together, and of those
/// the first, since what is raised on the way out only follows.
struct GeneralFindings {
    /// How many ordinary lines may stand between two exceptions of one end.
    private static let gap = 8
    private static let mostAsides = 10
    private static let mostWriters = 4096

    private struct Writer: Hashable {
        let rank: Int?
        let name: UInt64
    }

    private var ends: [Writer: [Sighting]] = [:]
    private var closed: Set<Writer> = []
    private var passed: [Sighting] = []

    /// Adds a line that comes before those added so far.
    ///
    /// - Parameter name: tells writers apart whose rank is not known; 0 if a line doesn't tell.
    mutating func add(_ sighting: Sighting, writer name: UInt64) {
        guard sighting.isPossible else {
            if passed.count < Self.mostAsides { passed.append(sighting) }
            return
        }
        let writer = Writer(rank: sighting.rank, name: sighting.rank == nil ? name : 0)
        guard let later = ends[writer]?.last else {
            if ends.count < Self.mostWriters { ends[writer] = [sighting] }
            return
        }
        guard !closed.contains(writer) else { return }
        if sighting.ordinaryAfter - later.ordinaryAfter <= Self.gap, later.ordinaryAfter < OrdinaryLines.most {
            ends[writer]?.append(sighting)
        } else {
            closed.insert(writer)
        }
    }

    /// Of each writer the first without doubt; if there is none, the first.
    var sightings: [Sighting] { ends.values.compactMap(Self.first) }

    /// What is no cause: what Python goes on after, consequences, and what a writer raised after its first.
    var asides: [Sighting] {
        let later = ends.values.flatMap { end in end.filter { $0 != Self.first(of: end) } }
        return passed + later.sorted { ($0.offset ?? 0) < ($1.offset ?? 0) }.prefix(Self.mostAsides)
    }

    /// An exception that ended the code counts before other lines: a script that fell back on another command went on.
    private static func first(of end: [Sighting]) -> Sighting? {
        end.last { $0.standing == .raised && $0.doubt == nil } ?? end.last { $0.doubt == nil } ?? end.last
    }
}

/// The lines of a log that are nothing special: neither blank, nor part of a traceback, nor found by a rule. How many follow a failure tells
/// whether the program went on.
struct OrdinaryLines {
    /// More are not counted.
    static let most = 1000
    /// How many lines behind an error, without a time of their own, belong to its message.
    private static let mostOfMessage = 12

    /// How many there are behind the block.
    private let later: Int
    /// Where the block's start, in order.
    private let starts: [Int]

    /// - Parameters:
    ///   - later: how many there are behind the block.
    ///   - excluded: where the lines start that are special.
    init(_ bytes: UnsafeRawBufferPointer, later: Int, excluded: Set<Int>) {
        self.later = later
        guard later < Self.most else {
            starts = []
            return
        }
        var starts: [Int] = []
        var message = 0
        for line in LineBounds.lastLines(Self.most, in: bytes) {
            if excluded.contains(line.lowerBound) {
                message = Self.mostOfMessage
                continue
            }
            let text = ProgramText(UnsafeRawBufferPointer(rebasing: bytes[line.prefix(200)])).bytes
            // What stands right behind an error without a time of its own belongs to its message.
            if message > 0, !Self.beginsAnew(text) {
                message -= 1
                continue
            }
            message = 0
            if !Self.isLaunchers(text) { starts.append(line.lowerBound) }
        }
        self.starts = starts
    }

    var total: Int { min(Self.most, later + starts.count) }

    func count(after position: Int) -> Int {
        var (low, high) = (0, starts.count)
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] < position { low = middle + 1 } else { high = middle }
        }
        return later + starts.count - low
    }

    /// Whether a line is not the rest of a message: it has a time, a level, or a counter.
    private static func beginsAnew(_ text: [UInt8]) -> Bool {
        if ProgressLine(text) != nil { return true }
        let head = text.prefix(40)
        return head.contains { $0 &- 0x30 < 10 } && head.contains(UInt8(ascii: ":"))
            || ["INFO", "WARN", "ERROR", "DEBUG", "[INFO", "[WARN"].contains { head.starts(with: $0.utf8) }
    }

    private static let launchersStarts = [
        "wandb:", "Exception raised from", "frame #", "srun:", "slurmstepd:", "Killing subprocess", "Failures:", "[W",
        "[E", "[I",
        "time      :", "host      :", "rank      :", "exitcode  :", "error_file:", "traceback :", "<NO_OTHER_FAILURES>",
    ].map { Array($0.utf8) }

    /// What launchers and libraries write while a program ends, also behind a word of another launcher's.
    private static func isLaunchers(_ text: [UInt8]) -> Bool {
        let text = text.drop { $0 == 0x20 }
        if isOfLauncher(text) { return true }
        let rest = text.drop { $0 != 0x20 }.drop { $0 == 0x20 }
        return isOfLauncher(rest)
    }

    private static func isOfLauncher(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first else { return true }
        if first == UInt8(ascii: "=") || first == UInt8(ascii: "-") || first == UInt8(ascii: "*") { return true }
        if launchersStarts.contains(where: { text.starts(with: $0) }) { return true }
        // An entry of torch elastic's report: `[0]:`.
        if first == UInt8(ascii: "["), text.count <= 8, text.last == UInt8(ascii: ":") { return true }
        // glog: `W1128 19:02:11.123 4231 site-packages/torch/…`
        let start = text.startIndex
        return text.count > 6 && "WEIF".utf8.contains(first)
            && text[(start + 1)...(start + 4)].allSatisfy { $0 &- 0x30 < 10 } && text[start + 5] == 0x20
    }
}
