private import Diagnosis
internal import YAML

/// Reads a YAML file of rules into a table, strictly: every key must be known and every value valid.
struct RuleFile {
    let text: String
    /// The file's name, for errors.
    let name: String

    private static let keys = ["rules", "exclude", "advice", "disable"]

    func read(into table: inout RuleTable) throws(RuleTableError) {
        let root: YAMLNode?
        do throws(YAMLProblem) {
            root = try YAMLDocument.root(of: text)
        } catch {
            throw RuleTableError(place: name, reason: "not YAML: \(error)")
        }
        guard let root else { return }
        guard case .mapping(let mapping) = root.content else {
            throw error(at: root, "the file must be a mapping of \(Self.keys.joined(separator: ", "))")
        }
        for (key, value) in mapping {
            switch key.text {
            case "rules": try readRules(value, into: &table)
            case "exclude":
                for text in try RuleValue(key: "exclude", node: value, file: name).texts() { table.exclude(text) }
            case "advice":
                for text in try RuleValue(key: "advice", node: value, file: name).texts() { table.addAdvice(text) }
            case "disable": try disable(value, in: &table)
            default:
                throw error(
                    at: key,
                    "unknown key '\(key.text ?? "")'; allowed are \(Self.keys.joined(separator: ", "))")
            }
        }
    }

    private func disable(_ node: YAMLNode, in table: inout RuleTable) throws(RuleTableError) {
        for id in try RuleValue(key: "disable", node: node, file: name).texts() where !table.remove(id: id) {
            throw error(at: node, "disable names '\(id)', but there is no such rule")
        }
    }

    private func readRules(_ node: YAMLNode, into table: inout RuleTable) throws(RuleTableError) {
        guard case .sequence(let entries) = node.content else { throw error(at: node, "rules must be a list") }
        var seen: [String: Int] = [:]
        for entry in entries {
            let rule = try readRule(entry, table: table)
            let line = entry.line
            if let first = seen.updateValue(line, forKey: rule.id) {
                throw error(at: entry, "the rule '\(rule.id)' is defined twice, first in line \(first)")
            }
            table.add(rule)
        }
    }

    private func readRule(_ entry: YAMLNode, table: RuleTable) throws(RuleTableError) -> Rule {
        guard case .mapping(let mapping) = entry.content else { throw error(at: entry, "a rule must be a mapping") }
        let place = "\(name):\(entry.line)"
        guard let idNode = mapping.first(where: { $0.key.text == "id" })?.value else {
            throw error(at: entry, "a rule needs an id")
        }
        let id = try RuleValue(key: "id", node: idNode, file: name).ruleID()
        let earlier = table[id]
        var reader = RuleEntry(rule: earlier ?? .unset(id: id), file: name)
        for (key, value) in mapping { try reader.read(key: key, value: value) }
        reader.rule.definedAt = place
        if earlier == nil { try reader.checkComplete(at: place) }
        try reader.check(at: place)
        return reader.rule
    }

    private func error(at node: YAMLNode, _ reason: String) -> RuleTableError {
        RuleTableError(place: "\(name):\(node.line)", reason: reason)
    }
}

extension Rule {
    fileprivate static func unset(id: String) -> Rule {
        Rule(id: id, title: "", domain: .host, role: .information, action: .noAction)
    }
}

/// Reads the keys of one rule in a file.
struct RuleEntry {
    var rule: Rule
    let file: String
    private var given: Set<String> = []

    private static let keys = [
        "id", "title", "where", "all", "any", "regex", "exclude", "ignore-case", "exit-codes", "domain", "role",
        "action",
        "weight", "count", "within", "relaunch-after", "vendor-action", "source",
    ]

    init(rule: Rule, file: String) {
        self.rule = rule
        self.file = file
    }

    mutating func read(key: YAMLNode, value node: YAMLNode) throws(RuleTableError) {
        let name = key.text ?? ""
        guard given.insert(name).inserted else { throw error(at: key, "\(name) is given twice") }
        let value = RuleValue(key: name, node: node, file: file)
        switch name {
        case "id": break
        case "title": rule.title = try value.text()
        case "where": rule.place = try value.choice()
        case "all": rule.all = try value.texts()
        case "any": rule.any = try value.texts()
        case "regex": rule.pattern = try value.pattern()
        case "exclude": rule.exclusions = try value.texts()
        case "ignore-case": rule.ignoresCase = try value.toggle()
        case "exit-codes": rule.exitCodes = try value.numbers(in: -64...255)
        case "domain": rule.domain = try value.choice()
        case "role": rule.role = try value.choice()
        case "action": rule.action = try value.choice()
        case "weight": rule.weight = try value.choice()
        case "count": rule.count = try value.number(in: 1...1000)
        case "within": rule.window = try value.duration()
        case "relaunch-after": rule.relaunchAfter = try value.number(in: 0...1000)
        case "vendor-action": rule.vendorAction = try value.text()
        case "source": rule.source = try value.text()
        default:
            throw error(
                at: key, "unknown key '\(name)'; allowed in a rule are \(Self.keys.joined(separator: ", "))")
        }
    }

    /// Checks the keys that a new rule must have.
    func checkComplete(at place: String) throws(RuleTableError) {
        for key in ["title", "domain", "role", "action"] where !given.contains(key) {
            throw RuleTableError(place: place, reason: "the rule '\(rule.id)' needs the key \(key)")
        }
    }

    func check(at place: String) throws(RuleTableError) {
        let isForAllExceptions = rule.place == .exception
        guard !rule.all.isEmpty || !rule.any.isEmpty || !rule.exitCodes.isEmpty || isForAllExceptions else {
            throw RuleTableError(
                place: place, reason: "the rule '\(rule.id)' needs texts to look for (all or any), or exit-codes")
        }
        guard isForAllExceptions || rule.pattern == nil || !rule.all.isEmpty || !rule.any.isEmpty else {
            throw RuleTableError(
                place: place,
                reason: "the rule '\(rule.id)' has a regex without texts; a regex is tried only on lines with them")
        }
        guard rule.window == nil || rule.count > 1 else {
            throw RuleTableError(
                place: place, reason: "the rule '\(rule.id)' has 'within', which needs a count above 1")
        }
    }

    private func error(at node: YAMLNode, _ reason: String) -> RuleTableError {
        RuleTableError(place: "\(file):\(node.line)", reason: reason)
    }
}
