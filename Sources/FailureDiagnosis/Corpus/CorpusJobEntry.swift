/// One entry of `jobs/index.yaml`.
struct CorpusJobEntry {
    static let keys = [
        "job", "folder", "origin", "rule", "action", "rank", "restart-count", "max-restarts", "failure-node-errors",
        "boot-time", "earlier",
    ]
    /// When the corpus's jobs are diagnosed, in seconds since 1970: 2026-11-24 01:00:00 UTC.
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
        failure.earlierFailures = earlier.mapValues { count in Set((0..<max(0, count)).map { "earlier \($0)" }) }
        failure.budget = .seconds(60)
        try addFiles(of: "\(jobs)/\(texts["folder"] ?? name)", to: &failure)
        let rule = texts["rule"] == "none" ? nil : texts["rule"]
        return CorpusJob(
            name: name, place: place, rule: rule, action: action, rank: texts["rank"].flatMap { Int($0) },
            failure: failure, failureNodeErrors: texts["failure-node-errors"])
    }

    private func addFiles(of folder: String, to failure: inout TrainingFailure) throws(RuleTableError) {
        for name in try Folder.names(in: folder) {
            let path = "\(folder)/\(name)"
            let rank = Int(name.filter { $0.isASCII && $0.isNumber })
            if name == "kernel.log" {
                failure.kernelLog = path
            } else if name == "failures.json" {
                failure.failures = WholeFile.read(path, limit: 4 << 20).map { String(decoding: $0, as: UTF8.self) }
            } else if name.hasPrefix("error"), name.hasSuffix(".json") {
                failure.errorFiles.append(LogSource(path: path, rank: rank))
            } else if name.hasSuffix(".log") {
                failure.logs.append(LogSource(path: path, rank: name.hasPrefix("rank") ? rank : nil))
            }
        }
    }
}
