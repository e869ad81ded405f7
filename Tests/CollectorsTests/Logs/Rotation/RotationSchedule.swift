@testable import Collectors
import Diagnosis
import Logging
import TestSupport

/// A random schedule of writing, rotating, reading, failing and killing, and the lines that were reported in it.
struct RotationSchedule {
    private var random: SeededGenerator
    private var writer: RotatingWriter
    private var follower: LogFollower
    private let configuration: LogCollector.Configuration
    private var stored: LogPosition?
    /// Whether somebody sets the clock now and then.
    private let setsClock: Bool
    private var now = ContinuousClock.now
    private var reported: [String] = []
    /// What was done, for who looks for the fault.
    private(set) var steps: [String] = []
    private let logger: Logger

    /// - Parameter setsClock: whether somebody sets the clock by hours now and then.
    init(
        seed: UInt64, setsClock: Bool = false,
        logger: Logger = Logger(label: "rotation") { _ in SwiftLogNoOpLogHandler() }
    ) {
        random = SeededGenerator(seed: seed)
        let banner = Int.random(in: 0..<3, using: &random) == 0 ? String(repeating: "#", count: 400) + "\n" : ""
        writer = RotatingWriter(mode: random.next() % 3 == 0 ? .seeking : .appending, banner: banner)
        self.setsClock = setsClock
        if setsClock { writer.firstLine = 700 }
        var configuration = LogCollector.Configuration(
            chunkBytes: .random(in: 600...5000, using: &random), maxLineBytes: 100_000,
            readBytes: .random(in: 4096...20_000, using: &random))
        configuration.quietTime = .seconds(2)
        self.configuration = configuration
        self.logger = logger
        follower = LogFollower(path: writer.path, configuration: configuration, logger: logger)
    }

    /// - Returns: what differs between what was written and what was reported; `nil` if nothing does.
    mutating func run(steps count: Int = 120) -> String? {
        for _ in 0..<count { step() }
        // A file that was moved away is left for good only when another is written.
        act("write") { writer, _ in writer.writeLines(1, padding: 1) }
        writer.close()
        read(most: .max)
        now += .seconds(10)
        read(most: .max)
        let (got, wanted) = (lines, writer.lines)
        let same = zip(got, wanted).prefix { $0 == $1 }.count
        guard same < max(got.count, wanted.count) else { return nil }
        func shown(_ lines: [String]) -> [String] { lines.dropFirst(same).prefix(3).map { String($0.prefix(60)) } }
        return "line \(same) of \(wanted.count): got \(shown(got)), wanted \(shown(wanted))\n"
            + steps.joined(separator: "\n")
    }

    /// The reported lines, those that went out in pieces put together again.
    private var lines: [String] {
        var lines: [String] = []
        for line in reported {
            if line.hasPrefix(LogFollower.continuedMark), !lines.isEmpty {
                lines[lines.count - 1] += line.dropFirst(LogFollower.continuedMark.count)
            } else {
                lines.append(line)
            }
        }
        return lines
    }

    private mutating func step() {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<25:
            act("write") { $0.writeLines(.random(in: 1...4, using: &$1), padding: .random(in: 0...80, using: &$1)) }
        case 25..<29: act("burst") { $0.writeLines(.random(in: 100...600, using: &$1), padding: 60) }
        case 29..<37: act("part") { writer, _ in writer.writePart() }
        case 37..<42: act("end of line") { writer, _ in writer.finishLine() }
        case 42..<46: act("hole") { $0.writeHole([5, 700, 5000, 70_000, 3_000_000].randomElement(using: &$1) ?? 0) }
        case 46..<60: read(most: Int.random(in: 1...3, using: &random))
        case 60..<70: read(most: .max)
        case 70..<74: failReport()
        case 74..<77: pass()
        case 77..<78: if setsClock { act("set clock") { $0.setClock(by: Int.random(in: -7200...3600, using: &$1)) } }
        case 78..<82: kill()
        case 82..<89: if hasPlace { act("rename") { writer, _ in writer.rename() } }
        case 89..<94: if hasPlace { act("copytruncate") { writer, _ in writer.copyTruncate() } }
        case 94..<96: act("compress") { $0.compress(delayed: Bool.random(using: &$1)) }
        case 96..<98: if readAll() { act("longer copy") { writer, _ in writer.replaceByLongerCopy() } }
        // Without the last file, only the times tell which of the others are newer.
        default: if !writer.isClockSet, readAll() { act("remove") { writer, _ in writer.remove() } }
        }
    }

    /// Whether a kill would find the file again after a rotation: something of it was reported.
    private var hasPlace: Bool { stored.map { $0.offset > 0 } ?? false }

    /// Reports everything.
    ///
    /// - Returns: whether the file holds nothing else, so that nothing is lost with it.
    private mutating func readAll() -> Bool {
        read(most: .max)
        return writer.unfinished.isEmpty && hasPlace
    }

    private mutating func act(_ name: String, _ body: (inout RotatingWriter, inout SeededGenerator) -> Void) {
        steps.append(name)
        body(&writer, &random)
        steps.append("  now \(writer.lines.last ?? "")")
    }

    /// Takes up to so many chunks.
    private mutating func read(most: Int) {
        steps.append(most == .max ? "read all" : "read \(most)")
        var count = 0
        while count < most, let chunk = follower.next(now: now) {
            count += 1
            steps.append("  got \(chunk.content.prefix(70).replacing("\n", with: "|"))… \(chunk.content.utf8.count)")
            reported += chunk.content.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            stored = chunk.position.flatMap { try? LogPosition(bytes: $0.bytes) }
            guard follower.confirm(chunk) else { return steps.append("a chunk was not taken back") }
        }
    }

    private mutating func failReport() {
        steps.append("report fails")
        _ = follower.next(now: now)
    }

    private mutating func pass() {
        steps.append("3 s pass")
        now += .seconds(3)
        read(most: 1)
    }

    private mutating func kill() {
        steps.append("kill")
        follower = LogFollower(path: writer.path, configuration: configuration, logger: logger)
        if let stored { follower.resume(from: stored) }
    }
}
