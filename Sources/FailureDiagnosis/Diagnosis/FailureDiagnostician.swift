public import Diagnosis

/// Says what a training failed of, and what to do: the first root cause in time across the ranks decides.
///
/// What follows from a failure elsewhere is counted and never blamed; lines of the same minute count by their rules' weight. A restart
/// becomes a relaunch once no restarts are left, or where the same rule was the cause on this node before.
public struct FailureDiagnostician: Sendable {
    /// The rules, and how lines are compared with them.
    public let matcher: RuleMatcher

    public init(_ table: RuleTable) {
        matcher = RuleMatcher(table)
    }

    /// Takes no longer than the failure's budget; a log is read from its end, as far as that allows.
    ///
    /// It reads files and computes without a pause: not for Swift's cooperative threads.
    public func diagnose(_ failure: TrainingFailure) -> FailureVerdict {
        var gathering = EvidenceGathering(failure, matcher: matcher)
        gathering.gather()
        let decision = gathering.decide()
        let (action, reason) = ActionChoice(failure: failure).choose(decision, rules: matcher.table.rules)
        let report = EvidenceReport(decision: decision, rules: matcher.table.rules)
        var evidence = report.evidence
        if !evidence.isEmpty, let file = evidence[0].file, let offset = evidence[0].offset {
            evidence[0].line = gathering.lineNumber(in: file, at: offset)
        }
        return FailureVerdict(
            action: action, cause: decision.cause == nil ? nil : evidence.first, evidence: evidence, reason: reason,
            cascades: report.cascades, notes: gathering.notes,
            signature: decision.cause?.signature(in: failure), timestamp: Int(failure.clock.now))
    }
}

/// What is known of a failed training.
public struct TrainingFailure: Sendable {
    /// The logs, of one rank or several, or the launcher's.
    public var logs: [LogSource] = []
    /// JSON: DLRover's `{"<rank>": {"local_rank": 0, "exitcode": -9, "message": …, "datetime": …}}`, the guide's `{"error": text}`, or any
    /// other object, whose texts are read.
    public var failures: String?
    /// torch elastic's error files (`TORCHELASTIC_ERROR_FILE`).
    public var errorFiles: [LogSource] = []
    /// What `dmesg` or `journalctl -k` has written.
    public var kernelLog: String?
    /// How often the training has been started again, and how often it may be: once none is left, a restart becomes a relaunch.
    public var restartCount = 0
    public var maxRestarts = 3
    /// What failed on this node before: the causes' signatures (`FailureVerdict.signature`), by rule.
    public var earlierFailures: [String: Set<String>] = [:]
    public var node = NodeIdentity()
    /// How long the diagnosis may take.
    public var budget: Duration = .seconds(2)
    /// What stands more than this before a log's end belongs to no failure of now.
    public var incident: Duration = .seconds(3600)
    public var clock: LogClock = .system

    public init() {}
}

/// What a launcher says of one failed rank.
struct RankFailure: Hashable, Sendable {
    var rank: Int?
    var exitCode: Int?
    var message: String
    /// Seconds since 1970.
    var time: Double?

    /// Reads what `TrainingFailure.failures` holds, in the order of the ranks.
    static func read(_ json: JSONValue, time: LogTime) -> [RankFailure] {
        guard case .object(let members) = json else { return [RankFailure(message: texts(of: json))] }
        let byRank = members.compactMap { failure(of: $0, $1, time) }
        guard byRank.count == members.count else { return [RankFailure(message: texts(of: json))] }
        return byRank.sorted { ($0.rank ?? 0) < ($1.rank ?? 0) }
    }

    private static func failure(of rank: String, _ value: JSONValue, _ time: LogTime) -> RankFailure? {
        guard let rank = Int(rank), case .object = value else { return nil }
        return RankFailure(
            rank: rank, exitCode: value["exitcode"]?.integer, message: value["message"].map(texts) ?? "",
            // The launcher notices late, and writes whole seconds: anything else of that second came before.
            time: value["datetime"]?.string.flatMap { time.read($0) }.map { $0 + 0.999 })
    }

    /// All texts of a value, a line each; an object's by its keys.
    private static func texts(of json: JSONValue) -> String {
        switch json {
        case .string(let text): text
        case .array(let values): values.map(texts).joined(separator: "\n")
        case .object(let members):
            members.sorted { $0.key < $1.key }.map { texts(of: $0.value) }.joined(separator: "\n")
        case .null, .bool, .int, .number: ""
        }
    }
}
