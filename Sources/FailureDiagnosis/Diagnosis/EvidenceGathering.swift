internal import Diagnosis
internal import SystemSupport

/// Collects all evidence of a failure, within its budget.
struct EvidenceGathering {
    /// The most that is read of an error file or of the launcher's JSON.
    private static let errorFileBytes = 4 << 20

    private let failure: TrainingFailure
    private let matcher: RuleMatcher
    private let time: LogTime
    private let deadline: ContinuousClock.Instant
    private var scans: [LogScan] = []
    private var structured: [Sighting] = []
    /// With which codes ranks have ended, as far as their launcher tells.
    private var exitCodes: Set<Int> = []
    /// When the launcher says that ranks have failed, in seconds since 1970.
    private var reportedTimes: [Double] = []
    private(set) var notes: [String] = []
    /// How much of the logs there was no time for, in bytes.
    private(set) var unreadBytes = 0

    init(_ failure: TrainingFailure, matcher: RuleMatcher) {
        self.failure = failure
        self.matcher = matcher
        time = LogTime(clock: failure.clock)
        deadline = .now + failure.budget
    }

    /// Decides for the first root cause. Only if there is none does what a log has from before the failure's time count: its clock may have
    /// been set forward.
    mutating func decide() -> CauseDecision {
        let all = structured + scans.flatMap(\.sightings)
        let decision = decide(all)
        guard !hasRootCause(decision) else { return decision }
        let last = scans.flatMap { $0.lastWords(isException: exitCodes.contains(1)) }
        if !last.isEmpty {
            let second = decide(all + last)
            if hasRootCause(second) { return second }
        }
        let older = scans.filter { $0.source.path != failure.kernelLog }.flatMap(\.olderSightings)
        guard !older.isEmpty else { return decision }
        let second = decide(all + older)
        guard hasRootCause(second), let cause = second.cause, let file = cause.file else { return decision }
        notes.append("\(file): the times jump forward after the cause; nothing later explains the failure")
        return second
    }

    private func hasRootCause(_ decision: CauseDecision) -> Bool {
        decision.cause.map { matcher.table.rules[$0.rule].role == .rootCause } ?? false
    }

    private func decide(_ all: [Sighting]) -> CauseDecision {
        CauseDecision(all, dismissed: scans.flatMap(\.dismissed), exitCodes: exitCodes, rules: matcher.table.rules)
    }

    mutating func gather() {
        for path in failure.pipes.keys.sorted() {
            if case .success(let input) = failure.pipes[path] { notes += input.notes }
        }
        readFailures()
        for file in failure.errorFiles { readErrorFile(file) }
        var end = (structured.compactMap(\.time) + reportedTimes).max().map { min($0, time.clock.now) }
        let logs = open(failure.logs)
        if let failed = end, !logs.isEmpty, logs.allSatisfy({ $0.isOlder(than: failed) }) {
            notes.append("every log ends long before the time that is given for the failure; that time was not used")
            end = nil
        }
        read(logs, end: end)
        readReports()
        // What is ahead of now is of another time zone; the kernel's times are not.
        end = ([end] + scans.map(\.lastTime)).compactMap { $0 }.max().map { min($0, time.clock.now) }
        if let path = failure.kernelLog {
            read(open([LogSource(path: path)], relevance: KernelRelevance(scans)), end: end)
        }
    }

    /// Which ranks waited for others, as far as their watchdogs tell; `nil` if none does.
    func timeoutStory(for decision: CauseDecision) -> String? {
        let isTold = decision.rest.contains { matcher.table.rules[$0.rule].role == .cascade }
        guard decision.cause == nil || decision.isUnexplained, isTold else { return nil }
        var story = TimeoutStory()
        for scan in scans where ContinuousClock.now < deadline { scan.tell(&story) }
        return story.text
    }

    /// How far the training came, by its logs; `nil` if that is unknown, since none that has steps was read to its start.
    var reached: TrainingReach? {
        let logs = scans.filter { $0.source.path != failure.kernelLog }
        let lines = logs.compactMap { $0.progress.last?.line ?? $0.progress.newest }
        if let last = lines.max(by: { $0.isBefore($1) }) {
            return TrainingReach(unit: String(last.label.prefix { $0 != " " }), counts: last.counts)
        }
        return logs.isEmpty || logs.contains { $0.unreadBytes > 0 || !$0.isWhole }
            ? nil : TrainingReach(unit: "", counts: [])
    }

    /// The line's number, if the rest of the budget is enough to count.
    func lineNumber(in file: String, at offset: Int) -> Int? {
        scans.first { $0.source.path == file }?.lineNumber(at: offset, deadline: deadline)
    }

    /// Opens logs. Those that can only be read forwards are read now, each for its share of the time.
    private mutating func open(_ sources: [LogSource], relevance: KernelRelevance? = nil) -> [LogScan] {
        var opened: [LogScan] = []
        let kept = LogInput.kept(ofEach: sources.count)
        for (index, source) in sources.enumerated() {
            // One share more, for the search itself.
            let share = (deadline - .now) / (sources.count - index + 1)
            do throws(LogInputError) {
                let reader =
                    if let pipe = failure.pipes[source.path] {
                        BackwardLogReader(try pipe.get())
                    } else {
                        try BackwardLogReader(path: source.path, kept: kept, deadline: .now + share)
                    }
                notes += reader.notes
                opened.append(
                    LogScan(
                        source, reader, matcher: matcher, time: time, incident: failure.incident, relevance: relevance))
            } catch {
                notes.append("\(error)")
            }
        }
        return opened
    }

    /// Reads the logs in turn, a block of each, so that a long log can't use up the budget of the others.
    private mutating func read(_ logs: [LogScan], end: Double?) {
        scans += logs
        var unfinished = logs
        while !unfinished.isEmpty {
            for log in unfinished {
                guard ContinuousClock.now < deadline else { return noteUnread(logs) }
                log.readBlock(end: end)
            }
            unfinished.removeAll(where: \.isDone)
        }
    }

    private mutating func noteUnread(_ logs: [LogScan]) {
        for log in logs where log.unreadBytes > 0 {
            unreadBytes += log.unreadBytes
            notes.append("\(log.source.path): the time ran out before its first \(log.unreadBytes) bytes were read")
        }
    }

    private mutating func readFailures() {
        guard let text = failure.failures, !text.trimmed.isEmpty else { return }
        guard text.utf8.count <= Self.errorFileBytes, let json = JSONValue(Array(text.utf8)) else {
            notes.append("the failures are not JSON, or too long, and were read as text")
            readText(
                String(decoding: text.utf8.suffix(Self.errorFileBytes), as: UTF8.self), rank: nil, time: nil, file: nil)
            return
        }
        for rankFailure in RankFailure.read(json, time: time) {
            if let time = rankFailure.time { reportedTimes.append(time) }
            readText(rankFailure.message, rank: rankFailure.rank, time: rankFailure.time, file: nil)
            if let code = rankFailure.exitCode { recordExitCode(code, of: rankFailure.rank, time: rankFailure.time) }
        }
    }

    /// Reads what the launcher's log, if it is among the logs, says about each rank.
    private mutating func readReports() {
        if exitCodes.isEmpty { exitCodes = scans.reduce(into: []) { $0.formUnion($1.exitCodes) } }
        let known = Set(structured.compactMap(\.rank))
        for entry in scans.compactMap(\.report).flatMap(\.entries) where !known.contains(entry.rank) {
            // The launcher notices a failure late and writes whole seconds, as in its JSON.
            if let code = entry.exitCode { recordExitCode(code, of: entry.rank, time: entry.time.map { $0 + 0.999 }) }
        }
    }

    private mutating func recordExitCode(_ code: Int, of rank: Int?, time: Double?) {
        exitCodes.insert(code)
        for (index, rule) in matcher.table.rules.enumerated() where rule.exitCodes.contains(code) {
            let who = rank.map { "rank \($0)" } ?? "a rank"
            structured.append(
                Sighting(
                    rule: index, text: "\(who) ended with exit code \(code)", rank: rank, time: time, isStructured: true
                ))
        }
    }

    private mutating func readErrorFile(_ source: LogSource) {
        let bytes: [UInt8]
        do {
            bytes = try bytesOfErrorFile(source.path)
        } catch {
            notes.append("\(error)")
            return
        }
        guard let error = ElasticErrorFile(Array(ByteOrderMark.dropped(from: bytes)), time: time) else {
            notes.append("\(source.path) is not an error file of torch elastic and was ignored")
            return
        }
        readText(error.message, rank: source.rank, time: error.time, file: source.path)
    }

    private func bytesOfErrorFile(_ path: String) throws -> [UInt8] {
        guard let pipe = failure.pipes[path] else { return try WholeFile(path: path).read(limit: Self.errorFileBytes) }
        let tail = try pipe.get().tail
        return tail.piece(from: tail.start, count: min(tail.size - tail.start, Self.errorFileBytes)) ?? []
    }

    /// Records the first line that each rule matches in a message.
    private mutating func readText(_ text: String, rank: Int?, time: Double?, file: String?) {
        let bytes = Array(text.utf8)
        var seen: Set<Int> = []
        let hits = bytes.withUnsafeBytes { matcher.hits(in: $0, kind: .message) }
        for hit in hits where seen.insert(hit.rule).inserted {
            let shown = bytes.withUnsafeBytes { LineText.shown(hit.line, in: $0, rule: hit.rule, matcher) }
            var sighting = Sighting(rule: hit.rule, text: shown, file: file, rank: rank, time: time, isStructured: true)
            sighting.standing = hit.exception?.standing
            guard sighting.isPossible else { continue }
            structured.append(sighting)
        }
    }
}
