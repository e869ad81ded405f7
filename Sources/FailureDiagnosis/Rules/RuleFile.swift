private import Yams

/// Reads a YAML file of rules strictly into a table: every key must be known, every value of its kind.
struct RuleFile {
    let text: String
    /// The file's name, for errors.
    let name: String

    private static let keys = ["rules", "exclude", "disable"]

    func read(into table: inout RuleTable) throws(RuleTableError) {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw RuleTableError(place: name, reason: "not YAML: \(error)")
        }
        guard let root else { return }
        guard case .mapping(let mapping) = root else {
            throw error(at: root, "the file must be a mapping of \(Self.keys.joined(separator: ", "))")
        }
        for (key, value) in mapping {
            switch key.string {
            case "rules": try readRules(value, into: &table)
            case "exclude":
                for text in try RuleValue(key: "exclude", node: value, file: name).texts() { table.exclude(text) }
            case "disable": try disable(value, in: &table)
            default:
                throw error(
                    at: key,
                    "unknown key '\(key.string ?? "")'; allowed are \(Self.keys.joined(separator: ", "))")
            }
        }
    }

    private func disable(_ node: Node, in table: inout RuleTable) throws(RuleTableError) {
        for id in try RuleValue(key: "disable", node: node, file: name).texts() where !table.remove(id: id) {
            throw error(at: node, "disable names '\(id)', and there is no such rule")
        }
    }

    private func readRules(_ node: Node, into table: inout RuleTable) throws(RuleTableError) {
        guard case .sequence(let entries) = node else { throw error(at: node, "rules must be a list") }
        var seen: [String: Int] = [:]
        for entry in entries {
            let rule = try readRule(entry, table: table)
            let line = entry.mark?.line ?? 0
            if let first = seen.updateValue(line, forKey: rule.id) {
                throw error(at: entry, "the rule '\(rule.id)' stands twice, first in line \(first)")
            }
            table.add(rule)
        }
    }

    private func readRule(_ entry: Node, table: RuleTable) throws(RuleTableError) -> Rule {
        guard case .mapping(let mapping) = entry else { throw error(at: entry, "a rule must be a mapping") }
        let place = "\(name):\(entry.mark?.line ?? 0)"
        guard let idNode = mapping.first(where: { $0.key.string == "id" })?.value else {
            throw error(at: entry, "a rule needs an id")
        }
        let id = try RuleValue(key: "id", node: idNode, file: name).ruleID()
        let earlier = table[id]
        var reader = RuleEntry(rule: earlier ?? .unset(id: id), file: name)
        for (key, value) in mapping { try reader.read(key: key, value: value) }
        reader.rule.place = place
        if earlier == nil { try reader.checkComplete(at: place) }
        try reader.check(at: place)
        return reader.rule
    }

    private func error(at node: Node, _ reason: String) -> RuleTableError {
        RuleTableError(place: "\(name):\(node.mark?.line ?? 0)", reason: reason)
    }
}

extension Rule {
    fileprivate static func unset(id: String) -> Rule {
        Rule(id: id, title: "", domain: .host, role: .information, action: .noAction)
    }
}
