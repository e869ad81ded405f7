internal import Diagnosis

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
    /// What can't be the cause, although a rule says so.
    let dismissed: [Sighting]
    /// What speaks against the cause, as a phrase; `nil`: nothing.
    let doubt: String?
    private let exitCodes: Set<Int>
    private let rules: [Rule]

    /// - Parameters:
    ///   - dismissed: what can't be the cause, for the explanation.
    ///   - exitCodes: how ranks have ended, as far as that is known.
    init(_ sightings: [Sighting], dismissed: [Sighting] = [], exitCodes: Set<Int> = [], rules: [Rule]) {
        self.rules = rules
        self.exitCodes = exitCodes
        let blamed = Self.merged(
            sightings.filter {
                $0.isPossible && (rules[$0.rule].role == .rootCause || rules[$0.rule].role == .confirmation)
            })
        self.dismissed = dismissed + sightings.filter { !$0.isPossible }
        rest = sightings.filter { rules[$0.rule].role == .cascade || rules[$0.rule].role == .information }
        let isKilled = !exitCodes.isEmpty && exitCodes.allSatisfy { $0 < 0 || $0 > 128 }
        func doubt(_ sighting: Sighting) -> String? {
            if let doubt = sighting.doubt { return doubt }
            // A program that ends with an exception ends with 1.
            return isKilled && sighting.standing != nil && rules[sighting.rule].weight == .weak
                ? "the ranks ended by a signal, not by an exception" : nil
        }
        // What something speaks against counts only if there is nothing else; and if a signal ended the ranks, not even then.
        let sure = blamed.filter { doubt($0) == nil }
        let roots = sure.filter { rules[$0.rule].role == .rootCause }
        // Where ranks only waited, an exception that the program went on after is no reason to wait; unless a rank ended as with one.
        let isWaiting = !exitCodes.contains(1) && rest.contains { rules[$0.rule].role == .cascade }
        let possible = blamed.filter { sighting in
            !isKilled && doubt(sighting) != nil && rules[sighting.rule].role == .rootCause
                && !(isWaiting && sighting.isFollowed)
        }
        let pool = !roots.isEmpty ? sure : possible.isEmpty ? sure : possible
        let cause = Self.first(of: pool, rules)
        self.cause = cause
        self.doubt = cause.flatMap(doubt)
        others = blamed.filter { $0 != cause }
            .sorted { ($0.time ?? .infinity, $0.rule) < ($1.time ?? .infinity, $1.rule) }
    }

    /// Whether there is no root cause.
    var isUnexplained: Bool { cause.map { rules[$0.rule].role != .rootCause } ?? true }

    /// How sure it is that the cause is the cause.
    var confidence: Confidence? {
        guard let cause else { return nil }
        if doubt != nil || isUnexplained { return .possible }
        let isExceptionsEnd = cause.standing == .raised && (cause.isStructured || exitCodes.contains(1))
        return rules[cause.rule].weight == .strong || isExceptionsEnd ? .certain : .likely
    }

    /// Whether the logs themselves tell that the training is over: a rank ended with an exception, or a launcher says so.
    var hasEnded: Bool {
        let signs = others + rest + [cause].compactMap { $0 }
        return signs.contains { sighting in
            sighting.standing == .raised || rules[sighting.rule].role == .confirmation
                || rules[sighting.rule].role == .cascade
        }
    }

    /// The sighting that the failure began with.
    private static func first(of blamed: [Sighting], _ rules: [Rule]) -> Sighting? {
        // What surely came more than a minute after something else did not begin the failure.
        let first = blamed.compactMap { $0.interval?.upperBound }.min() ?? .infinity
        let pool = blamed.filter { ($0.interval?.lowerBound ?? 0) <= first + sameFailure }
        // First the winner of each place, by the order of its lines; then the winner among the places, by time.
        let places = Dictionary(grouping: pool) { Place($0) }
        let firsts = places.values.compactMap { place in place.min { isBeforeInPlace($0, $1, rules) } }
        return firsts.min { isBefore($0, $1, rules) }
    }

    /// Why the cause was chosen, as a phrase.
    var why: String {
        guard let cause else { return "" }
        if let doubt { return "nothing else explains the failure, though \(doubt)" }
        let kind =
            rules[cause.rule].role == .confirmation
            ? "no root cause was found; this confirms the failure" : "the first root cause"
        guard let runnerUp = others.first(where: { rules[$0.rule].role == .rootCause && $0.doubt == nil }) else {
            return kind
        }
        if cause.isEarlier(than: runnerUp) == true {
            return kind + (cause.timeSource == .own ? " in time" : " in time, about")
        }
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
        let (first, second) = (rules[one.rule].role, rules[other.rule].role)
        if first != second { return first == .rootCause }
        if let isLess = isExitCode(one, other, rules) { return !isLess }
        if let isEarlier = one.isEarlier(than: other) { return isEarlier }
        if (one.time == nil) != (other.time == nil) { return one.time != nil }
        if one.isStructured != other.isStructured { return one.isStructured }
        return (one.rank ?? .max, one.file ?? "", one.offset ?? 0, one.rule)
            < (other.rank ?? .max, other.file ?? "", other.offset ?? 0, other.rule)
    }

    /// Whether the first only tells an exit code, and the other one doesn't; `nil` if they are the same in this.
    private static func isExitCode(_ one: Sighting, _ other: Sighting, _ rules: [Rule]) -> Bool? {
        let (first, second) = (rules[one.rule].exitCodes.isEmpty, rules[other.rule].exitCodes.isEmpty)
        return first == second ? nil : !first
    }

    private static func weight(_ sighting: Sighting, _ rules: [Rule]) -> RuleWeight {
        rules[sighting.rule].role == .confirmation ? .weak : rules[sighting.rule].weight
    }
}
