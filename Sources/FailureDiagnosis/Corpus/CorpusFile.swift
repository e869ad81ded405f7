private import SystemSupport
private import YAML

/// Reads the YAML files of a corpus.
struct CorpusFile {
    let path: String

    private static let lineKeys = ["rule", "origin", "match", "near-miss"]

    func lines() throws(RuleTableError) -> [CorpusLine] {
        var lines: [CorpusLine] = []
        for entry in try entries() {
            let values = try values(of: entry, keys: Self.lineKeys)
            guard let rule = values["rule"]?.text else { throw error(at: entry, "an entry needs a rule") }
            guard values["origin"]?.text != nil else { throw error(at: entry, "an entry needs an origin") }
            lines.append(
                CorpusLine(
                    rule: rule, matches: texts(values["match"]), nearMisses: texts(values["near-miss"]),
                    place: place(of: entry)))
        }
        return lines
    }

    func jobs(folder: String) throws(RuleTableError) -> [CorpusJob] {
        var jobs: [CorpusJob] = []
        for entry in try entries() {
            let values = try values(of: entry, keys: CorpusJobEntry.keys)
            var job = CorpusJobEntry(place: place(of: entry))
            for key in CorpusJobEntry.keys {
                guard let node = values[key] else { continue }
                if key == "earlier", case .mapping(let mapping) = node.content {
                    for (rule, count) in mapping { job.earlier[rule.text ?? ""] = count.text.flatMap { Int($0) } ?? 0 }
                } else {
                    job.texts[key] = node.text
                }
            }
            jobs.append(try job.job(in: folder))
        }
        return jobs
    }

    private func entries() throws(RuleTableError) -> [YAMLNode] {
        let bytes = try RuleTableError.wrap(path) { () throws(SystemCallError) in
            try WholeFile(path: path).read(limit: 16 << 20)
        }
        let root: YAMLNode?
        do throws(YAMLProblem) {
            root = try YAMLDocument.root(of: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw RuleTableError(place: path, reason: "not YAML: \(error)")
        }
        guard case .sequence(let entries)? = root?.content else {
            throw RuleTableError(place: path, reason: "the file must be a list")
        }
        return entries
    }

    private func values(of entry: YAMLNode, keys: [String]) throws(RuleTableError) -> [String: YAMLNode] {
        guard case .mapping(let mapping) = entry.content else { throw error(at: entry, "an entry must be a mapping") }
        var values: [String: YAMLNode] = [:]
        for (key, value) in mapping {
            guard let name = key.text, keys.contains(name) else {
                throw error(
                    at: key, "unknown key '\(key.text ?? "")'; allowed are \(keys.joined(separator: ", "))")
            }
            values[name] = value
        }
        return values
    }

    private func texts(_ node: YAMLNode?) -> [String] {
        switch node?.content {
        case .sequence(let items): items.compactMap(\.text)
        case .scalar(let text): [text]
        default: []
        }
    }

    private func place(of node: YAMLNode) -> String { "\(path):\(node.line)" }

    private func error(at node: YAMLNode, _ reason: String) -> RuleTableError {
        RuleTableError(place: place(of: node), reason: reason)
    }
}

/// One entry of `jobs/index.yaml`.
struct CorpusJobEntry {
    static let keys = [
        "job", "folder", "origin", "rule", "action", "rank", "restart-count", "max-restarts", "failure-node-errors",
        "boot-time", "earlier",
    ]
    /// The time at which the corpus's jobs are diagnosed, in seconds since 1970: 2026-11-24 01:00:00 UTC.
    private static let now = 1_795_482_000.0

    let place: String
    var texts: [String: String] = [:]
    var earlier: [String: Int] = [:]

    init(place: String) { self.place = place }

    func job(in jobs: String) throws(RuleTableError) -> CorpusJob {
        guard let name = texts["job"], let action = texts["action"], texts["origin"] != nil else {
            throw RuleTableError(place: place, reason: "a job needs the keys job, origin and action")
        }
        var failure = TrainingFailure()
        failure.clock = LogClock(now: Self.now, bootTime: texts["boot-time"].flatMap(Double.init))
        failure.restartCount = texts["restart-count"].flatMap { Int($0) } ?? 0
        failure.maxRestarts = texts["max-restarts"].flatMap { Int($0) } ?? 3
        for (rule, count) in earlier {
            failure.history += (0..<max(0, count)).map {
                EarlierFailure(time: Int64(Self.now) - 60, rule: rule, signature: "earlier \($0)")
            }
        }
        failure.budget = .seconds(60)
        try addFiles(of: "\(jobs)/\(texts["folder"] ?? name)", to: &failure)
        let rule = texts["rule"] == "none" ? nil : texts["rule"]
        return CorpusJob(
            name: name, place: place, rule: rule, action: action, rank: texts["rank"].flatMap { Int($0) },
            failure: failure, failureNodeErrors: texts["failure-node-errors"])
    }

    private func addFiles(of folder: String, to failure: inout TrainingFailure) throws(RuleTableError) {
        let names = try RuleTableError.wrap(folder) { () throws(SystemCallError) in
            try Directory(path: folder).names()
        }
        for name in names {
            let path = "\(folder)/\(name)"
            let rank = Int(name.filter { $0.isASCII && $0.isNumber })
            if name == "kernel.log" {
                failure.kernelLog = path
            } else if name == "failures.json" {
                let bytes = try RuleTableError.wrap(path) { () throws(SystemCallError) in
                    try WholeFile(path: path).read(limit: 4 << 20)
                }
                failure.failures = String(decoding: bytes, as: UTF8.self)
            } else if name.hasPrefix("error"), name.hasSuffix(".json") {
                failure.errorFiles.append(LogSource(path: path, rank: rank))
            } else if name.hasSuffix(".log") {
                failure.logs.append(LogSource(path: path, rank: name.hasPrefix("rank") ? rank : nil))
            }
        }
    }
}

/// The files of one failed training, and what the diagnosis must find in them.
struct CorpusJob: Sendable {
    var name: String
    var place: String
    /// The rule of the cause; `nil` if no cause may be found.
    var rule: String?
    var action: String
    var rank: Int?
    var failure: TrainingFailure
    var failureNodeErrors: String?
}

/// Lines that a rule must match, and similar lines that it must not match.
struct CorpusLine: Sendable {
    var rule: String
    var matches: [String]
    var nearMisses: [String]
    var place: String
}

/// An expectation of the corpus that the rules don't meet.
package struct CorpusFailure: Hashable, Sendable, CustomStringConvertible {
    /// The corpus's file and line.
    package let place: String
    package let reason: String

    package var description: String { "\(place): \(reason)" }
}
