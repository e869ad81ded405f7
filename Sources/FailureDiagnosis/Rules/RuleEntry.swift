internal import Yams

/// Reads the keys of one rule in a file.
struct RuleEntry {
    var rule: Rule
    let file: String
    private var given: Set<String> = []

    private static let keys = [
        "id", "title", "all", "any", "regex", "exclude", "ignore-case", "exit-codes", "domain", "role", "action",
        "weight", "count", "within", "relaunch-after", "vendor-action", "source",
    ]

    init(rule: Rule, file: String) {
        self.rule = rule
        self.file = file
    }

    mutating func read(key: Node, value node: Node) throws(RuleTableError) {
        let name = key.string ?? ""
        guard given.insert(name).inserted else { throw error(at: key, "\(name) stands twice") }
        let value = RuleValue(key: name, node: node, file: file)
        switch name {
        case "id": break
        case "title": rule.title = try value.text()
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

    /// What a rule must say that no rule before it has said.
    func checkComplete(at place: String) throws(RuleTableError) {
        for key in ["title", "domain", "role", "action"] where !given.contains(key) {
            throw RuleTableError(place: place, reason: "the rule '\(rule.id)' needs the key \(key)")
        }
    }

    func check(at place: String) throws(RuleTableError) {
        guard !rule.all.isEmpty || !rule.any.isEmpty || !rule.exitCodes.isEmpty else {
            throw RuleTableError(
                place: place, reason: "the rule '\(rule.id)' needs texts to look for (all or any), or exit-codes")
        }
        guard rule.pattern == nil || !rule.all.isEmpty || !rule.any.isEmpty else {
            throw RuleTableError(
                place: place,
                reason: "the rule '\(rule.id)' has a regex without texts; a regex is tried only on lines with them")
        }
        guard rule.window == nil || rule.count > 1 else {
            throw RuleTableError(
                place: place, reason: "the rule '\(rule.id)' has 'within', which needs a count above 1")
        }
    }

    private func error(at node: Node, _ reason: String) -> RuleTableError {
        RuleTableError(place: "\(file):\(node.mark?.line ?? 0)", reason: reason)
    }
}
