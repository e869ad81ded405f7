package import Diagnosis

/// Finds out why a training failed, and what to do: the earliest root cause across all ranks decides.
///
/// Consequences of a failure elsewhere are counted and never blamed. Among lines of the same minute, their rules' weights decide. A restart
/// becomes a relaunch when no restarts are left, or when the same rule was the cause on this node before.
package struct FailureDiagnostician: Sendable {
    /// The rules, and how lines are compared with them.
    package let matcher: RuleMatcher

    package init(_ table: RuleTable) {
        matcher = RuleMatcher(table)
    }

    /// Takes no longer than the failure's budget; each log is read backwards from its end for as long as the budget lasts.
    ///
    /// Blocks the calling thread throughout, so don't call it on one of Swift's cooperative threads.
    package func diagnose(_ failure: TrainingFailure) -> FailureVerdict { diagnoseAndRecord(failure).0 }

    private func diagnose(_ failure: TrainingFailure, _ gathering: inout EvidenceGathering) -> FailureVerdict {
        gathering.gather()
        let decision = gathering.decide()
        let reached = gathering.reached
        let choice = ActionChoice(
            failure: failure, story: gathering.timeoutStory(for: decision),
            history: RestartHistory(failure: failure, reached: reached))
        var (action, reason) = choice.choose(decision, rules: matcher.table.rules)
        if gathering.unreadBytes > 0 {
            reason += "; for \(gathering.unreadBytes) bytes of the logs there was no time"
        }
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

    /// The same, and what is to be remembered of it; `nil` if no cause was found.
    package func diagnoseAndRecord(_ failure: TrainingFailure) -> (FailureVerdict, EarlierFailure?) {
        var gathering = EvidenceGathering(failure, matcher: matcher)
        let verdict = diagnose(failure, &gathering)
        guard let cause = verdict.cause, let signature = verdict.signature,
            let rule = matcher.table[cause.rule]
        else { return (verdict, nil) }
        var record = EarlierFailure(time: Int64(failure.clock.now), rule: cause.rule, signature: signature)
        record.job = failure.job
        record.attempt = failure.restartCount
        record.rank = cause.rank
        record.node = failure.node.id
        record.domain = cause.domain.rawValue
        record.fingerprint = Sighting(rule: 0, text: cause.text).fingerprint(rule)
        record.reached = gathering.reached
        return (verdict, record)
    }
}

/// What is known about a failed training.
package struct TrainingFailure: Sendable {
    /// The logs: of one rank, of several, or the launcher's.
    package var logs: [LogSource] = []
    /// JSON: DLRover's `{"<rank>": {"local_rank": 0, "exitcode": -9, "message": …, "datetime": …}}`, the guide's `{"error": text}`, or any
    /// other object, whose texts are read.
    package var failures: String?
    /// torch elastic's error files (`TORCHELASTIC_ERROR_FILE`).
    package var errorFiles: [LogSource] = []
    /// The path of a file written by `dmesg` or `journalctl -k`.
    package var kernelLog: String?
    /// What came through those of the above that are pipes, by path.
    package var pipes: [String: Result<LogInput, LogInputError>] = [:]
    /// How often the training has been restarted.
    package var restartCount = 0
    /// How often it may be restarted; when none is left, a restart becomes a relaunch.
    package var maxRestarts = 3
    /// What failed before, this job or others, in any order.
    package var history: [EarlierFailure] = []
    /// The job's name; only failures of the same job tell whether restarting is in vain.
    package var job = ""
    package var node = NodeIdentity()
    /// How long the diagnosis may take.
    package var budget: Duration = .seconds(2)
    /// Lines written longer than this before a log's end belong to an earlier failure.
    package var incident: Duration = .seconds(3600)
    package var clock: LogClock = .system

    package init() {}

    /// The files, in the order of their flags.
    private var paths: [String] { logs.map(\.path) + errorFiles.map(\.path) + [kernelLog].compactMap { $0 } }

    /// Whether the verdict rests on nothing: not one of the files could be read, and the launcher said nothing.
    package func isUnread(in verdict: FailureVerdict) -> Bool {
        failures == nil
            && paths.allSatisfy { path in
                verdict.notes.contains { $0.hasPrefix("cannot ") && $0.contains(" \(path): ") }
            }
    }
}

/// A file that a rank has written.
package struct LogSource: Hashable, Sendable {
    package var path: String
    /// The rank that wrote it; `nil` for a log of several ranks or of the launcher, where a line's own prefix (`[rank3]:`) tells.
    package var rank: Int?

    package init(path: String, rank: Int? = nil) {
        self.path = path
        self.rank = rank
    }
}
