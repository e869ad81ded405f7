internal import FailureDiagnosis

/// The lines of progress in a piece of a log, in their order.
///
/// Most lines cost what the search for the patterns' texts costs: a step of four bytes each. Of very many lines of steps the last are read.
struct ProgressLines {
    /// A line of progress.
    struct Found {
        /// Where it is.
        var line: Range<Int>
        var reading: ProgressReading
        /// The rank that the line itself names, as `torchrun --tee` does.
        var rank: Int?
        /// The profile; `nil` if none fits and the line was recognized as the diagnosis does.
        var profile: Int?
        /// The same for all lines that count the same thing.
        var counter: Int
        /// Of two lines of one counter the later one has the higher.
        var counts: [Double]
        /// Whether the counts begin again with each epoch: a sample, a batch.
        var isWithinEpoch = false
        /// Whether lines of steps before it were not read, since there are so many.
        var isAfterGap = false
    }

    /// So many lines of steps of a piece are read, the last, and so many others.
    static let mostSteps = 64
    static let mostOthers = 64
    /// So many of the last lines are looked at where no profile fits.
    static let mostUnknown = 48

    private(set) var found: [Found] = []

    /// - Parameter profile: the one that gave this log's steps.
    init(in bytes: UnsafeRawBufferPointer, of table: ProfileTable, profile: Int?) {
        let finder = table.finder(of: profile)
        var candidates: [Int: (line: Range<Int>, patterns: [(profile: Int, pattern: Int)])] = [:]
        finder.scanner.scan(bytes) { term, position in
            let line = LineBounds.line(in: bytes, around: position, limit: 2 * FieldTemplate.reach)
            candidates[line.lowerBound, default: (line, [])].patterns += finder.patterns[term]
            return nil
        }
        guard !candidates.isEmpty else {
            if profile == nil { findUnknown(in: bytes) }
            return
        }
        var (steps, others, hasGap) = (0, 0, false)
        for (_, candidate) in candidates.sorted(by: { $0.key > $1.key }) {
            let mayBeStep = candidate.patterns.contains {
                table.profiles[$0.profile].patterns[$0.pattern].event == .step
            }
            if mayBeStep, steps >= Self.mostSteps {
                hasGap = true
                continue
            }
            if !mayBeStep, others >= Self.mostOthers { continue }
            if mayBeStep { steps += 1 } else { others += 1 }
            read(
                candidate.line, candidate.patterns.sorted { ($0.profile, $0.pattern) < ($1.profile, $1.pattern) },
                bytes, table)
        }
        let hasSteps = found.contains { $0.reading.event == .step }
        if profile == nil, !hasSteps { findUnknown(in: bytes) }
        found.sort { $0.line.lowerBound < $1.line.lowerBound }
        if hasGap, let first = found.firstIndex(where: { $0.reading.event == .step }) { found[first].isAfterGap = true }
    }

    private mutating func read(
        _ line: Range<Int>, _ patterns: [(profile: Int, pattern: Int)], _ bytes: UnsafeRawBufferPointer,
        _ table: ProfileTable
    ) {
        let head = UnsafeRawBufferPointer(rebasing: bytes[line.prefix(FieldTemplate.reach)])
        let text = ProgramText(head)
        text.bytes.withUnsafeBytes { program in
            for place in patterns {
                let pattern = table.profiles[place.profile].patterns[place.pattern]
                guard let reading = pattern.reading(of: program) else { continue }
                var hasher = Hasher()
                hasher.combine(place.profile)
                hasher.combine(reading.total ?? -1)
                hasher.combine(reading.step == nil)
                found.append(
                    Found(
                        line: line, reading: reading, rank: text.rank, profile: place.profile,
                        counter: hasher.finalize(),
                        counts: [reading.epoch, reading.step].compactMap { $0 }))
                return
            }
        }
    }

    /// The `2427` of `297/2427`, `12 / 40`.
    private static func total(after step: Double, in text: [UInt8]) -> Double? {
        guard step == step.rounded(), (0..<1e15).contains(step) else { return nil }
        let number = Array("\(Int64(step))".utf8)
        return text.withUnsafeBytes { bytes in
            var position = 0
            while position < bytes.count,
                let found = ByteText.find(
                    number, in: UnsafeRawBufferPointer(rebasing: bytes[position...]), ignoresCase: false)
            {
                var end = position + found + number.count
                position = end
                while end < bytes.count, bytes[end] == 0x20 { end += 1 }
                guard end < bytes.count, bytes[end] == UInt8(ascii: "/") else { continue }
                end += 1
                while end < bytes.count, bytes[end] == 0x20 { end += 1 }
                if let total = NumberText.read(bytes, at: end)?.value, total >= step { return total }
            }
            return nil
        }
    }

    /// Steps of a form that no profile has.
    private mutating func findUnknown(in bytes: UnsafeRawBufferPointer) {
        let known = Set(found.map(\.line.lowerBound))
        let lines = LineBounds.lastLines(Self.mostUnknown, in: bytes)
        let hasGap = lines.count == Self.mostUnknown
        for line in lines where !known.contains(line.lowerBound) {
            let head = UnsafeRawBufferPointer(rebasing: bytes[line.prefix(FieldTemplate.reach)])
            guard ProgressLine.isPossible(head) else { continue }
            let text = ProgramText(head)
            // A line with the loss alone counts nothing.
            guard let step = ProgressLine(text.bytes), !step.counts.isEmpty else { continue }
            let unit = step.label.prefix { $0 != " " }
            var reading = ProgressReading(.step)
            reading.step = step.counts.last
            reading.total = step.counts.last.flatMap { Self.total(after: $0, in: text.bytes) }
            if step.counts.count > 1 || unit == "epoch" { reading.epoch = step.counts.first }
            if unit == "epoch", step.counts.count == 1 { reading.step = nil }
            var hasher = Hasher()
            hasher.combine(-1)
            hasher.combine(step.shape)
            found.append(
                Found(
                    line: line, reading: reading, rank: text.rank, profile: nil, counter: hasher.finalize(),
                    counts: step.counts, isWithinEpoch: !["step", "iter", "update", "round"].contains(unit),
                    isAfterGap: hasGap && found.isEmpty))
        }
    }
}
