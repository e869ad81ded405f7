/// What one log holds, read backwards: the earliest line of each rule, and the last general one of each rank.
struct LogFindings {
    /// A rule's times kept, for rules that need several lines within a time.
    private static let keptTimes = 1000

    private let table: RuleTable
    private let source: LogSource
    private let time: LogTime
    private(set) var first: [Int: Sighting] = [:]
    /// The last line of each rule that is not general.
    private(set) var last: [Int: Sighting] = [:]
    private var lastGeneral: [Int?: Sighting] = [:]
    private var times: [Int: [Double?]] = [:]
    /// Where an attempt starts, if the log says so: nothing before it counts.
    private(set) var hasStart = false

    init(source: LogSource, table: RuleTable, time: LogTime) {
        self.source = source
        self.table = table
        self.time = time
    }

    /// Takes the block before the ones taken so far.
    ///
    /// - Parameter earliest: hits before this time belong to no failure of now.
    mutating func take(_ block: BackwardLogReader.Block, hits: [RuleHit], earliest: Double?) {
        block.bytes.withUnsafeBytes { bytes in
            var hits = hits[...]
            if let start = hits.lastIndex(where: { table.rules[$0.rule].role == .start }) {
                hits = hits[(start + 1)...]
                hasStart = true
            }
            takeGeneral(hits, in: bytes, at: block.offset, earliest: earliest)
            for hit in hits.reversed() where !isGeneral(hit) && last[hit.rule] == nil {
                last[hit.rule] = sighting(of: hit, in: bytes, at: block.offset)
            }
            var found: [Int: Sighting] = [:]
            for hit in hits where !isGeneral(hit) {
                takeSpecial(hit, in: bytes, at: block.offset, earliest: earliest, found: &found)
            }
            for (rule, sighting) in found {
                let before = first[rule]?.count ?? 0
                first[rule] = sighting
                first[rule]?.count += before
            }
        }
    }

    private func isGeneral(_ hit: RuleHit) -> Bool {
        table.rules[hit.rule].weight == .weak && table.rules[hit.rule].role == .rootCause
    }

    /// Of each rank the last one counts, which is the first to be met.
    private mutating func takeGeneral(
        _ hits: ArraySlice<RuleHit>, in bytes: UnsafeRawBufferPointer, at offset: Int, earliest: Double?
    ) {
        for hit in hits.reversed() where isGeneral(hit) {
            let line = UnsafeRawBufferPointer(rebasing: bytes[hit.line])
            let rank = LineText.rank(of: line) ?? source.rank
            guard lastGeneral[rank] == nil else { continue }
            let sighting = sighting(of: hit, in: bytes, at: offset)
            if let earliest, let time = sighting.time, time < earliest { return }
            lastGeneral[rank] = sighting
        }
    }

    /// Of each rule the first one of the block counts, the others are only counted: a flood must stay cheap.
    private mutating func takeSpecial(
        _ hit: RuleHit, in bytes: UnsafeRawBufferPointer, at offset: Int, earliest: Double?,
        found: inout [Int: Sighting]
    ) {
        let isCounting = table.rules[hit.rule].count > 1
        if found[hit.rule] != nil {
            found[hit.rule]?.count += 1
            if isCounting { keepTime(time(of: hit.line, in: bytes).time, of: hit.rule) }
            return
        }
        let sighting = sighting(of: hit, in: bytes, at: offset)
        if let earliest, let time = sighting.time, time < earliest { return }
        found[hit.rule] = sighting
        if isCounting { keepTime(sighting.time, of: hit.rule) }
    }

    private mutating func keepTime(_ time: Double?, of rule: Int) {
        if times[rule, default: []].count < Self.keptTimes { times[rule, default: []].append(time) }
    }

    private func sighting(of hit: RuleHit, in bytes: UnsafeRawBufferPointer, at offset: Int) -> Sighting {
        let line = UnsafeRawBufferPointer(rebasing: bytes[hit.line])
        let (time, timeSource) = time(of: hit.line, in: bytes)
        return Sighting(
            rule: hit.rule, text: LineText.shown(line), file: source.path, offset: offset + hit.line.lowerBound,
            rank: LineText.rank(of: line) ?? source.rank, time: time, timeSource: timeSource)
    }

    private func time(of line: Range<Int>, in bytes: UnsafeRawBufferPointer) -> (
        time: Double?, source: Sighting.TimeSource
    ) {
        if let own = time.read(UnsafeRawBufferPointer(rebasing: bytes[line])) { return (own, .own) }
        return (LineTimes(bytes: bytes, time: time).last(before: line.lowerBound), .before)
    }

    /// The sightings that count: of a rule that takes several lines, only if there are so many within its time.
    var sightings: [Sighting] {
        first.values.filter { isEnough($0.rule) } + lastGeneral.values
    }

    private func isEnough(_ index: Int) -> Bool {
        let rule = table.rules[index]
        guard rule.count > 1 else { return true }
        let times = times[index] ?? []
        guard times.count >= rule.count else { return false }
        guard let window = rule.window else { return true }
        let known = times.compactMap { $0 }.sorted()
        guard known.count == times.count else { return true }
        let span = window / .seconds(1)
        return known.indices.dropFirst(rule.count - 1).contains { known[$0] - known[$0 - rule.count + 1] <= span }
    }
}

/// A hit with where and when it was seen.
struct Sighting: Sendable {
    /// How sure the time is.
    enum TimeSource: Hashable, Sendable {
        /// It stands in the line, or in an error file.
        case own
        /// It is that of the last line before that has one.
        case before
    }

    /// The rule's place in the table.
    var rule: Int
    var text: String
    var file: String?
    var offset: Int?
    var rank: Int?
    var time: Double?
    var timeSource = TimeSource.own
    /// Whether it comes from an error file or from the launcher's own account.
    var isStructured = false
    /// How many such lines there are.
    var count = 1

    /// Tells the failure that began with it from others: the line and where it stands. A log that is written anew in each attempt may
    /// have the same line in the same place, so the restarts count too.
    func signature(in failure: TrainingFailure) -> String {
        let parts = [
            file, offset.map(String.init), rank.map(String.init), time.map { "\($0)" }, "\(failure.restartCount)",
        ]
        return parts.map { $0 ?? "-" }.joined(separator: "|") + "|" + text.prefix(200)
    }
}
