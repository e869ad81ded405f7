public import CoreMetrics
public import Diagnosis
public import Logging
private import Synchronization
internal import SystemSupport

/// Matches the rules with logs while they are read: counts the hits, keeps when each rule was hit last, and tells root causes in our own log.
///
/// Any number of logs may share one: lines are matched under no lock, and what is kept grows with the number of rules alone. The time of
/// a hit is the time at which its line was read, whatever the line says.
public final class LogWatch: LogObserver {
    /// How long nothing more is told of a rule that was told.
    static let quietTime: Duration = .seconds(60)
    /// How much of a line is told, in characters.
    static let longestText = 300

    /// Keep a line from every rule, also where a table lacks them: our own log may be among the followed ones. The first stands in what we tell
    /// of a line; the others in all that swift-log's handlers write for loggers of ours.
    private static let ownTexts = ["arobust alarm"] + Logger.Level.allCases.map { "\($0) arobust" }

    private let matcher: RuleMatcher
    private let logger: Logger
    private let factory: any MetricsFactory
    /// By the rule's index; none for a rule that says where a training starts, which finds nothing.
    private let counters: [Counter?]
    private let watched = Mutex<[Int: WatchedRule]>([:])
    private let wallClock: @Sendable () -> Int64
    private let clock: @Sendable () -> ContinuousClock.Instant

    /// - Parameters:
    ///   - rules: what to look for; lines that we write ourselves are passed over anyway.
    ///   - factory: makes the self-metrics.
    public convenience init(
        rules: RuleTable, logger: Logger = Logger(label: "arobust.log-watch"),
        factory: any MetricsFactory = MetricsSystem.factory
    ) {
        self.init(
            rules: rules, logger: logger, factory: factory, wallClock: { WallClock.seconds() }, clock: { .now })
    }

    init(
        rules: RuleTable, logger: Logger, factory: any MetricsFactory, wallClock: @escaping @Sendable () -> Int64,
        clock: @escaping @Sendable () -> ContinuousClock.Instant
    ) {
        var rules = rules
        for text in Self.ownTexts { rules.exclude(text) }
        matcher = RuleMatcher(rules)
        self.logger = logger
        self.factory = factory
        self.wallClock = wallClock
        self.clock = clock
        var made: [[String]: Counter] = [:]
        counters = rules.rules.map { rule in
            guard rule.role != .start else { return nil }
            let labels = [rule.domain.rawValue, rule.role.rawValue]
            let counter =
                made[labels]
                ?? Counter(
                    label: "arobust_log_findings_total", dimensions: Array(zip(["domain", "role"], labels)),
                    factory: factory)
            made[labels] = counter
            return counter
        }
    }

    public func observe(_ lines: String, of path: String) {
        var lines = lines
        // Copies nothing: what a log collector reports is a native string.
        let news = lines.withUTF8 { take(UnsafeRawBufferPointer($0), of: path) }
        for news in news { tell(news, of: path) }
    }

    /// - Returns: the root causes to tell.
    private func take(_ bytes: UnsafeRawBufferPointer, of path: String) -> [RootCauseNews] {
        var found: [Int: (count: Int, line: Range<Int>)] = [:]
        for hit in matcher.hits(in: bytes) {
            found[hit.rule, default: (0, hit.line)].count += 1
        }
        var news: [RootCauseNews] = []
        for (index, (count, line)) in found.sorted(by: { $0.value.line.lowerBound < $1.value.line.lowerBound }) {
            guard let counter = counters[index] else { continue }
            counter.increment(by: count)
            let rule = matcher.table.rules[index]
            guard let suppressed = note(index, rule, count: count, path: path), rule.role == .rootCause else {
                continue
            }
            let text = LineText.shown(UnsafeRawBufferPointer(rebasing: bytes[line]))
            news.append(RootCauseNews(rule: rule, text: Self.plain(text), suppressed: suppressed))
        }
        return news
    }

    /// - Returns: how many lines were not told since the last one that was; `nil`: now is not the time to tell.
    private func note(_ index: Int, _ rule: Rule, count: Int, path: String) -> Int? {
        let (now, seconds) = (clock(), wallClock())
        // The gauge is made under the lock: of two logs that hit a rule at once, the later must not take away the other's.
        return watched.withLock { watched in
            var state = watched.removeValue(forKey: index) ?? WatchedRule(rule)
            defer { watched[index] = state }
            guard state.isEnough(adding: count, at: now) else { return nil }
            state.seen(in: path, at: seconds, factory: factory)
            return state.shouldTell(lines: count, at: now, quietTime: Self.quietTime)
        }
    }

    private func tell(_ news: RootCauseNews, of path: String) {
        // The names are such that the line comes last, near to what keeps us from finding it again: handlers write them in order.
        var metadata: Logger.Metadata = [
            "path": "\(path)", "rule": "\(news.rule.id)", "text": "\(news.text)", "title": "\(news.rule.title)",
        ]
        if news.suppressed > 0 { metadata["suppressed"] = "\(news.suppressed)" }
        logger.warning("arobust alarm: a root cause stands in a followed log.", metadata: metadata)
    }

    /// Without what a terminal could take for a command.
    private static func plain(_ text: String) -> String {
        var plain = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(longestText) {
            plain.append(scalar.properties.generalCategory == .control && scalar != "\t" ? "\u{FFFD}" : scalar)
        }
        return String(plain)
    }
}

/// What is kept of a rule that was hit.
struct WatchedRule {
    private let rule: Rule
    private var gauge: Gauge?
    private var path = ""
    /// Of the last hits, as many as the rule takes.
    private var times: [ContinuousClock.Instant] = []
    private var lastTold: ContinuousClock.Instant?
    private var untold = 0

    init(_ rule: Rule) {
        self.rule = rule
    }

    /// Whether, with these lines, there are as many within the rule's time as it takes.
    mutating func isEnough(adding lines: Int, at now: ContinuousClock.Instant) -> Bool {
        guard rule.count > 1 else { return true }
        times += repeatElement(now, count: min(lines, rule.count))
        times.removeFirst(max(0, times.count - rule.count))
        guard times.count == rule.count, let first = times.first else { return false }
        return rule.window.map { now - first <= $0 } ?? true
    }

    /// Sets the rule's gauge. There is one a rule, so a hit in another log takes the place of the earlier one's.
    mutating func seen(in path: String, at seconds: Int64, factory: any MetricsFactory) {
        guard gauge == nil || path != self.path else {
            gauge?.record(seconds)
            return
        }
        let earlier = gauge
        let gauge = Gauge(
            label: "arobust_log_finding_seen_at_seconds",
            dimensions: [
                ("rule", rule.id), ("title", rule.title), ("domain", rule.domain.rawValue),
                ("role", rule.role.rawValue), ("file", path),
            ], factory: factory)
        gauge.record(seconds)
        earlier?.destroy()
        self.gauge = gauge
        self.path = path
    }

    /// Whether to tell the first of these lines now: the first line of all, and then one in each `quietTime`.
    ///
    /// - Returns: how many lines were not told since the last one that was; `nil`: it isn't time.
    mutating func shouldTell(lines: Int, at now: ContinuousClock.Instant, quietTime: Duration) -> Int? {
        if let lastTold, now - lastTold < quietTime {
            untold += lines
            return nil
        }
        defer { untold = lines - 1 }
        lastTold = now
        return untold
    }
}

/// A line of a followed log that may name a root cause, and is to be told.
struct RootCauseNews {
    let rule: Rule
    let text: String
    /// How many lines of the rule were not told since the last one that was.
    let suppressed: Int
}
