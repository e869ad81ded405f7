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

    /// So many lines of steps of a piece are read, the last, and so many others. A large piece is of a backlog or a flood: there a few tell
    /// as much as all, and reading one costs as much as searching some dozens.
    static let mostSteps = 256
    static let mostStepsOfLarge = 4
    static let largePiece = 16 << 10
    static let mostOthers = 64
    /// So many of the last lines are looked at where no profile fits.
    static let mostUnknown = 48

    private(set) var found: [Found] = []
    /// The form of the last line that was read.
    private var usual: ProfileTable.Place?

    /// - Parameter profile: the one that gave this log's steps.
    init(in bytes: UnsafeRawBufferPointer, of table: ProfileTable, profile: Int?) {
        let finder = table.finder(of: profile)
        var hits: [Hit] = []
        finder.scanner.scan(bytes) { term, position in
            hits.append(Hit(position: position, term: term))
            return nil
        }
        hits.sort { $0.position < $1.position }
        var (steps, others, hasGap) = (0, 0, false)
        let mostSteps = bytes.count < Self.largePiece ? Self.mostSteps : Self.mostStepsOfLarge
        var last = hits.count - 1
        // From the end: of very many the last count.
        while last >= 0 {
            if steps >= mostSteps, finder.isOfStepsAlone[hits[last].term] {
                hasGap = true
                last -= 1
                continue
            }
            let line = LineBounds.line(in: bytes, around: hits[last].position, limit: 2 * FieldTemplate.reach)
            var first = last
            while first > 0, hits[first - 1].position >= line.lowerBound { first -= 1 }
            let mayBeStep = hits[first...last].contains { finder.hasSteps[$0.term] }
            if mayBeStep ? steps < mostSteps : others < Self.mostOthers {
                if mayBeStep { steps += 1 } else { others += 1 }
                read(line, hits[first...last], finder, bytes, table)
            } else if mayBeStep {
                hasGap = true
            }
            last = first - 1
        }
        if profile == nil, !found.contains(where: { $0.reading.event == .step }) { findUnknown(in: bytes) }
        found.sort { $0.line.lowerBound < $1.line.lowerBound }
        if hasGap, let first = found.firstIndex(where: { $0.reading.event == .step }) { found[first].isAfterGap = true }
    }

    private struct Hit {
        var position: Int
        var term: Int
    }

    private mutating func read(
        _ line: Range<Int>, _ hits: ArraySlice<Hit>, _ finder: ProfileTable.Finder, _ bytes: UnsafeRawBufferPointer,
        _ table: ProfileTable
    ) {
        let head = UnsafeRawBufferPointer(rebasing: bytes[line.prefix(FieldTemplate.reach)])
        let text = ProgramText(head)
        text.bytes.withUnsafeBytes { program in
            // Mostly it is of the same form as the line after it.
            if let usual, add(usual, of: program, line, text.rank, table) { return }
            var places: [ProfileTable.Place] = []
            for hit in hits { places += finder.patterns[hit.term] }
            places.sort()
            for place in places where place != usual && add(place, of: program, line, text.rank, table) {
                usual = place
                return
            }
        }
    }

    /// - Returns: whether the line has this form.
    private mutating func add(
        _ place: ProfileTable.Place, of program: UnsafeRawBufferPointer, _ line: Range<Int>, _ rank: Int?,
        _ table: ProfileTable
    ) -> Bool {
        guard let reading = table.profiles[place.profile].patterns[place.pattern].reading(of: program) else {
            return false
        }
        var hasher = Hasher()
        hasher.combine(place.profile)
        hasher.combine(reading.total ?? -1)
        hasher.combine(reading.step == nil)
        var counts: [Double] = []
        if let epoch = reading.epoch { counts.append(epoch) }
        if let step = reading.step { counts.append(step) }
        found.append(
            Found(
                line: line, reading: reading, rank: rank, profile: place.profile, counter: hasher.finalize(),
                counts: counts))
        return true
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
