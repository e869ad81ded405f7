internal import Diagnosis
private import Glibc

/// Reads all that there is about a failure, within its budget.
struct EvidenceGathering {
    /// The largest error file that is read.
    private static let errorFileBytes = 4 << 20

    private let failure: TrainingFailure
    private let matcher: RuleMatcher
    private let time: LogTime
    private let deadline: ContinuousClock.Instant
    private var scans: [LogScan] = []
    private var structured: [Sighting] = []
    private(set) var notes: [String] = []

    init(_ failure: TrainingFailure, matcher: RuleMatcher) {
        self.failure = failure
        self.matcher = matcher
        time = LogTime(clock: failure.clock)
        deadline = .now + failure.budget
    }

    /// The first root cause that the training did not go on after.
    ///
    /// One that it went on after decides only where nothing else does and ranks were left waiting: a hang, in which other threads write on.
    func decide() -> CauseDecision {
        let all = structured + scans.flatMap(\.sightings)
        let rules = matcher.table.rules
        var candidates = all
        var survived: [Sighting] = []
        var decision = CauseDecision(all, rules: rules)
        while let cause = decision.cause, ContinuousClock.now < deadline, let scan = scan(of: cause),
            scan.goesOn(after: cause)
        {
            candidates.removeAll { $0.rule == cause.rule && $0.file == cause.file }
            survived.append(cause)
            if let last = scan.findings.last[cause.rule], last.offset != cause.offset { candidates.append(last) }
            decision = CauseDecision(candidates, survived: survived, rules: rules)
        }
        let hasCascade = decision.rest.contains { rules[$0.rule].role == .cascade }
        let isUnexplained = decision.cause.map { rules[$0.rule].role == .confirmation } ?? true
        return !survived.isEmpty && isUnexplained && hasCascade
            ? CauseDecision(all, rules: rules) : decision
    }

    /// The scan of the rank's log that a sighting stands in.
    private func scan(of sighting: Sighting) -> LogScan? {
        guard sighting.offset != nil, sighting.file != failure.kernelLog else { return nil }
        return scans.first { $0.source.path == sighting.file }
    }

    mutating func gather() {
        readFailures()
        for file in failure.errorFiles { readErrorFile(file) }
        var end = structured.compactMap(\.time).max()
        read(failure.logs.compactMap { open($0) }, end: end)
        readReports()
        end = ([end] + scans.map(\.lastTime)).compactMap { $0 }.max()
        if let path = failure.kernelLog { read([open(LogSource(path: path))].compactMap { $0 }, end: end) }
    }

    /// The line's number, where what is left of the budget is enough to count.
    func lineNumber(in file: String, at offset: Int) -> Int? {
        scans.first { $0.source.path == file }?.lineNumber(at: offset, deadline: deadline)
    }

    private mutating func open(_ source: LogSource) -> LogScan? {
        if let scan = LogScan(source, matcher: matcher, time: time, incident: failure.incident) { return scan }
        notes.append("\(source.path) cannot be read: \(String(cString: strerror(errno)))")
        return nil
    }

    /// Reads the logs in turn, a block of each, so that no log is left out for another's length.
    private mutating func read(_ logs: [LogScan], end: Double?) {
        scans += logs
        var unfinished = logs
        while !unfinished.isEmpty {
            for log in unfinished {
                guard ContinuousClock.now < deadline else { return noteUnread(logs) }
                log.step(end: end)
            }
            unfinished.removeAll(where: \.isDone)
        }
    }

    private mutating func noteUnread(_ logs: [LogScan]) {
        for log in logs where log.unread > 0 {
            notes.append("\(log.source.path): the time is over, the first \(log.unread) bytes are not read")
        }
    }

    private mutating func readFailures() {
        guard let text = failure.failures, !text.trimmed.isEmpty else { return }
        guard text.utf8.count <= Self.errorFileBytes, let json = JSONValue(Array(text.utf8)) else {
            notes.append("the failures are not JSON, or too long; they are read as text")
            readText(
                String(decoding: text.utf8.suffix(Self.errorFileBytes), as: UTF8.self), rank: nil, time: nil, file: nil)
            return
        }
        for rankFailure in RankFailure.read(json, time: time) {
            readText(rankFailure.message, rank: rankFailure.rank, time: rankFailure.time, file: nil)
            if let code = rankFailure.exitCode { take(exitCode: code, of: rankFailure.rank, time: rankFailure.time) }
        }
    }

    /// What the launcher's log says of each rank, where it is among the logs.
    private mutating func readReports() {
        let known = Set(structured.compactMap(\.rank))
        for entry in scans.compactMap(\.report).flatMap(\.entries) where !known.contains(entry.rank) {
            // It notices late, as it does in its other account.
            if let code = entry.exitCode { take(exitCode: code, of: entry.rank, time: entry.time.map { $0 + 0.999 }) }
        }
    }

    private mutating func take(exitCode code: Int, of rank: Int?, time: Double?) {
        for (index, rule) in matcher.table.rules.enumerated() where rule.exitCodes.contains(code) {
            let who = rank.map { "rank \($0)" } ?? "a rank"
            structured.append(
                Sighting(
                    rule: index, text: "\(who) ended with exit code \(code)", rank: rank, time: time, isStructured: true
                ))
        }
    }

    private mutating func readErrorFile(_ source: LogSource) {
        guard let bytes = WholeFile.read(source.path, limit: Self.errorFileBytes) else {
            notes.append("\(source.path) cannot be read: \(String(cString: strerror(errno)))")
            return
        }
        guard let error = ElasticErrorFile(bytes) else {
            notes.append("\(source.path) is no error file of torch elastic; it is left out")
            return
        }
        readText(error.message, rank: source.rank, time: error.time, file: source.path)
    }

    /// Reads a message: the first line of each rule.
    private mutating func readText(_ text: String, rank: Int?, time: Double?, file: String?) {
        let bytes = Array(text.utf8)
        var seen: Set<Int> = []
        for hit in matcher.hits(in: bytes[...]) where seen.insert(hit.rule).inserted {
            let shown = bytes.withUnsafeBytes { LineText.shown(UnsafeRawBufferPointer(rebasing: $0[hit.line])) }
            structured.append(
                Sighting(rule: hit.rule, text: shown, file: file, rank: rank, time: time, isStructured: true))
        }
    }
}
