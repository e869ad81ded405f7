private import Yams

/// Reads the YAML files of a corpus.
struct CorpusFile {
    let path: String

    private static let lineKeys = ["rule", "origin", "match", "near-miss"]

    func lines() throws(RuleTableError) -> [CorpusLine] {
        var lines: [CorpusLine] = []
        for entry in try entries() {
            let values = try values(of: entry, keys: Self.lineKeys)
            guard let rule = values["rule"]?.string else { throw error(at: entry, "an entry needs a rule") }
            guard values["origin"]?.string != nil else { throw error(at: entry, "an entry needs an origin") }
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
                if key == "earlier", case .mapping(let mapping) = node {
                    for (rule, count) in mapping { job.earlier[rule.string ?? ""] = count.int ?? 0 }
                } else {
                    job.texts[key] = node.string
                }
            }
            jobs.append(try job.job(in: folder))
        }
        return jobs
    }

    private func entries() throws(RuleTableError) -> [Node] {
        guard let bytes = WholeFile.read(path, limit: 16 << 20) else {
            throw RuleTableError(place: path, reason: "the file cannot be read")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw RuleTableError(place: path, reason: "not YAML: \(error)")
        }
        guard case .sequence(let entries) = root else {
            throw RuleTableError(place: path, reason: "the file must be a list")
        }
        return Array(entries)
    }

    private func values(of entry: Node, keys: [String]) throws(RuleTableError) -> [String: Node] {
        guard case .mapping(let mapping) = entry else { throw error(at: entry, "an entry must be a mapping") }
        var values: [String: Node] = [:]
        for (key, value) in mapping {
            guard let name = key.string, keys.contains(name) else {
                throw error(
                    at: key, "unknown key '\(key.string ?? "")'; allowed are \(keys.joined(separator: ", "))")
            }
            values[name] = value
        }
        return values
    }

    private func texts(_ node: Node?) -> [String] {
        switch node {
        case .sequence(let items): items.compactMap(\.string)
        case .scalar(let scalar): [scalar.string]
        default: []
        }
    }

    private func place(of node: Node) -> String { "\(path):\(node.mark?.line ?? 0)" }

    private func error(at node: Node, _ reason: String) -> RuleTableError {
        RuleTableError(place: place(of: node), reason: reason)
    }
}
