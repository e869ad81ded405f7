private import Diagnosis

/// What the rules found in one log that is read backwards: each rule's earliest line, and each writer's last exception.
struct LogFindings {
    /// How many times are kept for a rule that needs several lines within some time.
    private static let maximumTimes = 1000

    private let matcher: RuleMatcher
    private var table: RuleTable { matcher.table }
    private let source: LogSource
    private let time: LogTime
    private var period: ClosedRange<Double>?
    private(set) var first: [Int: Sighting] = [:]
    /// The last line of each rule that is not general.
    private(set) var last: [Int: Sighting] = [:]
    private var general = GeneralFindings()
    private var times: [Int: [Double?]] = [:]
    /// Whether a line was found with which an attempt starts: nothing before it counts.
    private(set) var hasStart = false

    init(source: LogSource, matcher: RuleMatcher, time: LogTime) {
        self.source = source
        self.matcher = matcher
        self.time = time
    }

    /// Adds the block that precedes those added so far.
    ///
    /// - Parameters:
    ///   - ordinary: the block's lines that are nothing special.
    ///   - period: what times the log's lines can have.
    mutating func addBlock(
        _ block: BackwardLogReader.Block, hits: [RuleHit], ordinary: OrdinaryLines, period: ClosedRange<Double>?
    ) {
        self.period = period
        block.bytes.withUnsafeBytes { bytes in
            var hits = hits[...]
            if let start = hits.lastIndex(where: { table.rules[$0.rule].role == .start }) {
                hits = hits[(start + 1)...]
                hasStart = true
            }
            for hit in hits.reversed() where isGeneral(hit) || last[hit.rule] == nil {
                var sighting = sighting(of: hit, in: bytes, at: block.offset)
                sighting.ordinaryAfter = ordinary.count(after: hit.line.upperBound)
                if isGeneral(hit) {
                    general.add(sighting, writer: hit.exception?.writer ?? 0)
                } else {
                    last[hit.rule] = sighting
                }
            }
            var found: [Int: Sighting] = [:]
            for hit in hits where !isGeneral(hit) {
                addSpecific(hit, in: bytes, at: block.offset, ordinary, found: &found)
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

    /// A rule's first line in the block becomes a sighting; further ones are only counted, so that a flood of them stays cheap.
    private mutating func addSpecific(
        _ hit: RuleHit, in bytes: UnsafeRawBufferPointer, at offset: Int, _ ordinary: OrdinaryLines,
        found: inout [Int: Sighting]
    ) {
        let isCounting = table.rules[hit.rule].count > 1
        if found[hit.rule] != nil {
            found[hit.rule]?.count += 1
            if isCounting { recordTime(time(of: hit.line, in: bytes).time, of: hit.rule) }
            return
        }
        var sighting = sighting(of: hit, in: bytes, at: offset)
        sighting.ordinaryAfter = ordinary.count(after: hit.line.upperBound)
        found[hit.rule] = sighting
        if isCounting { recordTime(sighting.time, of: hit.rule) }
    }

    private mutating func recordTime(_ time: Double?, of rule: Int) {
        if times[rule, default: []].count < Self.maximumTimes { times[rule, default: []].append(time) }
    }

    private func sighting(of hit: RuleHit, in bytes: UnsafeRawBufferPointer, at offset: Int) -> Sighting {
        let (time, timeSource) = time(of: hit.line, in: bytes)
        var sighting = Sighting(
            rule: hit.rule, text: LineText.shown(hit.line, in: bytes, rule: hit.rule, matcher), file: source.path,
            offset: offset + hit.line.lowerBound,
            rank: hit.exception?.rank ?? rank(of: hit.line, in: bytes), time: time, timeSource: timeSource)
        if timeSource == .before {
            sighting.latest = LineTimes(bytes: bytes, time: self.time, period: period).next(after: hit.line.upperBound)
        }
        sighting.standing = hit.exception?.standing
        sighting.prefix = hit.exception?.prefix ?? []
        sighting.isKernels = table.rules[hit.rule].place == .kernel
        return sighting
    }

    /// - Parameter line: the line, or a part of a long one.
    private func rank(of line: Range<Int>, in bytes: UnsafeRawBufferPointer) -> Int? {
        let whole = LineTimes(bytes: bytes, time: time, period: nil).whole(line)
        return LineText.rank(of: UnsafeRawBufferPointer(rebasing: bytes[whole.prefix(RuleMatcher.longestLine)]))
            ?? source.rank
    }

    private func time(of line: Range<Int>, in bytes: UnsafeRawBufferPointer) -> (
        time: Double?, source: Sighting.TimeSource
    ) {
        let times = LineTimes(bytes: bytes, time: time, period: period)
        if let own = times.own(of: line) { return (own, .own) }
        return (times.last(before: line.lowerBound), .before)
    }

    /// The sightings that count: those of a rule that needs several lines only if there are enough of them within its time.
    var sightings: [Sighting] {
        first.values.filter { isEnough($0.rule) }.map(best) + general.sightings
    }

    /// The same, but each rule's last line.
    var lastSightings: [Sighting] {
        last.values.filter { isEnough($0.rule) } + general.sightings
    }

    /// What can't be a cause, for those who want to know: consequences of another exception, and what Python goes on after.
    var asides: [Sighting] { general.asides }

    /// A rule's first line, unless something speaks against it and nothing against the last.
    private func best(_ first: Sighting) -> Sighting {
        guard !first.isPossible || first.doubt != nil, let last = last[first.rule], last.isPossible, last.doubt == nil
        else { return first }
        var best = last
        best.count = first.count
        return best
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
