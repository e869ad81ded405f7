private import Diagnosis

/// Decides which sighting the failure began with.
struct CauseDecision {
    /// How long after the first sign of a failure a line that says more about it may come, in seconds: the kernel and the launcher write late.
    static let sameFailure = 60.0

    /// The first root cause; without one, the first confirmation.
    let cause: Sighting?
    /// The other root causes and confirmations, by time.
    let others: [Sighting]
    /// Consequences of a failure elsewhere, and information.
    let rest: [Sighting]
    /// Root causes after which the training went on.
    let survived: [Sighting]
    private let rules: [Rule]

    init(_ sightings: [Sighting], survived: [Sighting] = [], rules: [Rule]) {
        self.rules = rules
        self.survived = survived
        let blamed = Self.merged(
            sightings.filter { rules[$0.rule].role == .rootCause || rules[$0.rule].role == .confirmation })
        rest = sightings.filter { rules[$0.rule].role == .cascade || rules[$0.rule].role == .information }
        let first = blamed.compactMap(\.time).min()
        let pool = blamed.indices.filter { index in
            guard let first, let time = blamed[index].time else { return true }
            return time <= first + Self.sameFailure
        }
        // First the winner of each place, by the order of its lines; then the winner among the places, by time.
        let places = Dictionary(grouping: pool) { Place(blamed[$0]) }
        let firsts = places.values.compactMap { place in
            place.min { Self.isBeforeInPlace(blamed[$0], blamed[$1], rules) }
        }
        let best = firsts.min { Self.isBefore(blamed[$0], blamed[$1], rules) }
        cause = best.map { blamed[$0] }
        others = blamed.indices.filter { $0 != best }.map { blamed[$0] }
            .sorted { ($0.time ?? .infinity, $0.rule) < ($1.time ?? .infinity, $1.rule) }
    }

    /// Why the cause was chosen, as a phrase.
    var why: String {
        guard let cause else { return "" }
        let kind =
            rules[cause.rule].role == .confirmation
            ? "no root cause was found; this confirms the failure" : "the first root cause"
        guard let runnerUp = others.first(where: { rules[$0.rule].role == .rootCause }) else { return kind }
        if let own = cause.time, let other = runnerUp.time, own < other { return kind + " in time" }
        if rules[cause.rule].weight > rules[runnerUp.rule].weight {
            return kind + ": it says more than '\(rules[runnerUp.rule].title)' in the same minute"
        }
        return kind + " in the order of the files"
    }

    /// Merges what several sources say about the same failure of a rank: the log knows the place, the launcher the time.
    private static func merged(_ sightings: [Sighting]) -> [Sighting] {
        var merged: [Sighting] = []
        // Those that name a rank come first, since the launcher's log repeats them without it.
        for sighting in sightings.filter({ $0.rank != nil }) + sightings.filter({ $0.rank == nil }) {
            let same = merged.firstIndex { isSame($0, sighting) }
            guard let same else {
                merged.append(sighting)
                continue
            }
            if sighting.rank != nil || merged[same].rank == nil { merged[same] = joined(merged[same], sighting) }
        }
        return merged
    }

    private static func isSame(_ one: Sighting, _ other: Sighting) -> Bool {
        guard one.rule == other.rule else { return false }
        if (one.rank == nil) == (other.rank == nil) {
            return one.rank == other.rank && (one.rank != nil || one.text.trimmed == other.text.trimmed)
        }
        guard let first = one.time, let second = other.time else { return true }
        return abs(first - second) <= sameFailure
    }

    private static func joined(_ one: Sighting, _ other: Sighting) -> Sighting {
        var (joined, second) = one.offset != nil || other.offset == nil ? (one, other) : (other, one)
        if joined.time == nil || (joined.timeSource == .before && second.timeSource == .own && second.time != nil) {
            joined.time = second.time
            joined.timeSource = second.timeSource
        } else if let own = joined.time, let other = second.time, second.offset != nil, other < own {
            swap(&joined, &second)
        }
        joined.isStructured = one.isStructured || other.isStructured
        joined.count = max(one.count, other.count)
        return joined
    }

    /// Where a sighting comes from: a rank, or a file that several ranks write.
    private struct Place: Hashable {
        let rank: Int?
        let file: String?

        init(_ sighting: Sighting) {
            rank = sighting.rank
            file = sighting.rank == nil ? sighting.file : nil
        }
    }

    private static func isBeforeInPlace(_ one: Sighting, _ other: Sighting, _ rules: [Rule]) -> Bool {
        let (left, right) = (weight(one, rules), weight(other, rules))
        if left != right { return left > right }
        let (first, second) = (rules[one.rule].role, rules[other.rule].role)
        if first != second { return first == .rootCause }
        if one.file == other.file, let first = one.offset, let second = other.offset, first != second {
            return first < second
        }
        return isBefore(one, other, rules)
    }

    private static func isBefore(_ one: Sighting, _ other: Sighting, _ rules: [Rule]) -> Bool {
        let (left, right) = (weight(one, rules), weight(other, rules))
        if left != right { return left > right }
        if let first = one.time, let second = other.time, first != second { return first < second }
        if (one.time == nil) != (other.time == nil) { return one.time != nil }
        if one.isStructured != other.isStructured { return one.isStructured }
        return (one.rank ?? .max, one.file ?? "", one.offset ?? 0, one.rule)
            < (other.rank ?? .max, other.file ?? "", other.offset ?? 0, other.rule)
    }

    private static func weight(_ sighting: Sighting, _ rules: [Rule]) -> RuleWeight {
        rules[sighting.rule].role == .confirmation ? .weak : rules[sighting.rule].weight
    }
}
