private import Diagnosis
internal import SystemSupport

/// Logs, and what must be found in them: `lines/*.yaml` for the rules, `jobs/index.yaml` with a folder for each failed training, and
/// `cases/index.json` with what a stranger wrote down as the right answers.
///
/// In a job's folder, `rank<N>.log` is a rank's log, `kernel.log` the kernel's, and any other `.log` that of several ranks or of the
/// launcher; `error<N>.json` is a rank's error file, and `failures.json` the launcher's report.
package struct RuleCorpus: Sendable {
    let lines: [CorpusLine]
    let jobs: [CorpusJob]
    let cases: [CorpusCase]

    /// Reads a corpus's folder.
    ///
    /// - Throws: `RuleTableError` with file and line.
    package init(folder: String) throws(RuleTableError) {
        var lines: [CorpusLine] = []
        let names = try RuleTableError.wrap(folder + "/lines") { () throws(SystemCallError) in
            try Directory(path: folder + "/lines").names()
        }
        for name in names where name.hasSuffix(".yaml") {
            lines += try CorpusFile(path: "\(folder)/lines/\(name)").lines()
        }
        self.lines = lines
        jobs = try CorpusFile(path: folder + "/jobs/index.yaml").jobs(folder: folder + "/jobs")
        cases = try CorpusCase.read(folder + "/cases")
    }

    /// How many lines must match, how many must not, and how many jobs there are.
    package var counts: (matches: Int, nearMisses: Int, jobs: Int) {
        (lines.map(\.matches.count).reduce(0, +), lines.map(\.nearMisses.count).reduce(0, +), jobs.count + cases.count)
    }

    /// The ids of the rules that have a line to match, and of those that have a near miss.
    var covered: (matches: Set<String>, nearMisses: Set<String>) {
        (
            Set(lines.filter { !$0.matches.isEmpty }.map(\.rule)),
            Set(lines.filter { !$0.nearMisses.isEmpty }.map(\.rule))
        )
    }

    /// Compares what a table's rules find with what they must find.
    package func run(_ table: RuleTable) -> [CorpusFailure] {
        let diagnostician = FailureDiagnostician(table)
        return lines.flatMap { check($0, diagnostician.matcher) } + jobs.flatMap { check($0, diagnostician) }
            + cases.compactMap { aCase in
                aCase.wrong(diagnostician.diagnose(aCase.failure)).map {
                    CorpusFailure(place: "cases/\(aCase.name)", reason: $0)
                }
            }
    }

    private func check(_ lines: CorpusLine, _ matcher: RuleMatcher) -> [CorpusFailure] {
        guard matcher.table[lines.rule] != nil else {
            return [CorpusFailure(place: lines.place, reason: "there is no rule '\(lines.rule)'")]
        }
        func isHit(_ text: String) -> Bool {
            matcher.hits(inMessage: text).contains { matcher.table.rules[$0.rule].id == lines.rule }
        }
        return lines.matches.filter { !isHit($0) }
            .map { CorpusFailure(place: lines.place, reason: "\(lines.rule) must match and does not: \($0)") }
            + lines.nearMisses.filter(isHit)
            .map { CorpusFailure(place: lines.place, reason: "\(lines.rule) must not match and does: \($0)") }
    }

    private func check(_ job: CorpusJob, _ diagnostician: FailureDiagnostician) -> [CorpusFailure] {
        var diagnostician = diagnostician
        if let errors = job.failureNodeErrors {
            var table = diagnostician.matcher.table
            table.addFailureNodeErrors(errors)
            diagnostician = FailureDiagnostician(table)
        }
        let verdict = diagnostician.diagnose(job.failure)
        var wrong: [String] = []
        func compare(_ what: String, _ found: String?, _ expected: String?) {
            if found != expected { wrong.append("\(what) is \(found ?? "none"), must be \(expected ?? "none")") }
        }
        compare("the cause", verdict.cause?.rule, job.rule)
        compare("the action", verdict.action.type, job.action)
        if let rank = job.rank { compare("the rank", verdict.cause?.rank.map(String.init), "\(rank)") }
        guard !wrong.isEmpty else { return [] }
        return [CorpusFailure(place: "\(job.place) (\(job.name))", reason: wrong.joined(separator: "; "))]
    }
}
