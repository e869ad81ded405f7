internal import Diagnosis
private import FoundationEssentials
private import SystemSupport

/// A failure whose right answer was written down beforehand: `cases/index.json`, with the logs beside it.
struct CorpusCase: Sendable {
    let name: String
    let failure: TrainingFailure
    /// The actions that are right.
    let actions: [String]
    /// Texts of which the blamed line has one. None: no line may be blamed as a root cause. An empty text: it is also right to blame nothing.
    let blames: [String]
    /// A domain or a rule that the cause must not be.
    let never: String?

    /// When the cases are diagnosed, in seconds since 1970: 2026-11-29 12:00:00 UTC.
    private static let now = 1_795_953_600.0

    private struct Entry: Decodable {
        /// What the failure is, for people.
        let why: String
        /// `--log` or `--kernel-log`, and a file, for a log also with `RANK=`.
        let files: [[String]]
        let actions: [String]
        let blames: [String]
        let failures: String?
        let never: String?
    }

    private init(_ name: String, _ entry: Entry, in folder: String) {
        var failure = TrainingFailure()
        failure.clock = LogClock(now: Self.now)
        failure.budget = .seconds(60)
        failure.failures = entry.failures
        for file in entry.files where file.count == 2 {
            let parts = file[1].split(separator: "=", maxSplits: 1)
            let rank = parts.count == 2 ? Int(parts[0]) : nil
            let path = "\(folder)/\(rank == nil ? file[1] : String(parts[1]))"
            if file[0] == "--kernel-log" {
                failure.kernelLog = path
            } else {
                failure.logs.append(LogSource(path: path, rank: rank))
            }
        }
        self.name = name
        self.failure = failure
        (actions, blames, never) = (entry.actions, entry.blames, entry.never)
    }

    /// - Throws: `RuleTableError` for an index that is there and can't be read.
    static func read(_ folder: String) throws(RuleTableError) -> [CorpusCase] {
        let path = "\(folder)/index.json"
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        let bytes = try RuleTableError.wrap(path) { () throws(SystemCallError) in
            try WholeFile(path: path).read(limit: 16 << 20)
        }
        do {
            let entries = try JSONDecoder().decode([String: Entry].self, from: Data(bytes))
            return entries.sorted { $0.key < $1.key }.map { CorpusCase($0.key, $0.value, in: folder) }
        } catch {
            throw RuleTableError(place: path, reason: "not an index of cases: \(error)")
        }
    }

    /// What is wrong with a verdict; `nil` if nothing is.
    func wrong(_ verdict: FailureVerdict) -> String? {
        guard actions.contains(verdict.action.type) else {
            return "the action is \(verdict.action.type), must be \(actions.joined(separator: " or "))"
        }
        guard let cause = verdict.cause else {
            return blames.isEmpty || blames.contains("") ? nil : "no line is blamed, must have '\(blames[0])'"
        }
        if let never, cause.domain.rawValue == never || cause.rule == never { return "it is called \(never)" }
        let isBlamed =
            blames.isEmpty ? cause.role != .rootCause : blames.contains { $0.isEmpty || cause.text.contains($0) }
        return isBlamed ? nil : "\(cause.rule) is blamed: \(cause.text.prefix(120))"
    }
}
