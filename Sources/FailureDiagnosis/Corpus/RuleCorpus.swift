private import Glibc

/// Logs with what must be found in them: `lines/*.yaml` for each rule, and `jobs/index.yaml` with a folder for each failed training.
///
/// In a job's folder `rank<N>.log` is a rank's log, `kernel.log` the kernel's, any other `.log` one of several ranks or of the launcher;
/// `error<N>.json` is a rank's error file, and `failures.json` what the launcher says.
public struct RuleCorpus: Sendable {
    let lines: [CorpusLine]
    let jobs: [CorpusJob]

    /// Reads a corpus's folder.
    ///
    /// - Throws: `RuleTableError` with file and line.
    public init(folder: String) throws(RuleTableError) {
        var lines: [CorpusLine] = []
        for name in try Folder.names(in: folder + "/lines") where name.hasSuffix(".yaml") {
            lines += try CorpusFile(path: "\(folder)/lines/\(name)").lines()
        }
        self.lines = lines
        jobs = try CorpusFile(path: folder + "/jobs/index.yaml").jobs(folder: folder + "/jobs")
    }

    /// The numbers of lines that must match, of near misses, and of jobs.
    public var counts: (matches: Int, nearMisses: Int, jobs: Int) {
        (lines.map(\.matches.count).reduce(0, +), lines.map(\.nearMisses.count).reduce(0, +), jobs.count)
    }

    /// The rules that some line must match, and those that have a near miss.
    var covered: (matches: Set<String>, nearMisses: Set<String>) {
        (
            Set(lines.filter { !$0.matches.isEmpty }.map(\.rule)),
            Set(lines.filter { !$0.nearMisses.isEmpty }.map(\.rule))
        )
    }

    /// Compares a table's findings with what must be found.
    public func run(_ table: RuleTable) -> [CorpusFailure] {
        let matcher = RuleMatcher(table)
        return lines.flatMap { check($0, matcher) } + jobs.flatMap { check($0, table) }
    }

    private func check(_ lines: CorpusLine, _ matcher: RuleMatcher) -> [CorpusFailure] {
        guard matcher.table[lines.rule] != nil else {
            return [CorpusFailure(place: lines.place, reason: "there is no rule '\(lines.rule)'")]
        }
        func isHit(_ text: String) -> Bool {
            matcher.hits(in: text).contains { matcher.table.rules[$0.rule].id == lines.rule }
        }
        return lines.matches.filter { !isHit($0) }
            .map { CorpusFailure(place: lines.place, reason: "\(lines.rule) must match and does not: \($0)") }
            + lines.nearMisses.filter(isHit)
            .map { CorpusFailure(place: lines.place, reason: "\(lines.rule) must not match and does: \($0)") }
    }

    private func check(_ job: CorpusJob, _ table: RuleTable) -> [CorpusFailure] {
        var table = table
        if let errors = job.failureNodeErrors { table.addFailureNodeErrors(errors) }
        let verdict = FailureDiagnostician(table).diagnose(job.failure)
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

/// Listing a folder.
enum Folder {
    /// The names of what is in a folder, in order.
    static func names(in path: String) throws(RuleTableError) -> [String] {
        guard let stream = opendir(path) else {
            throw RuleTableError(
                place: path, reason: "the folder cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
