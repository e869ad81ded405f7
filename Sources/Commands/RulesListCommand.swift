internal import Agent
internal import ArgumentParser
internal import Diagnosis
internal import FailureDiagnosis
internal import SystemSupport

/// `arobust rules list`
struct RulesListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the rules, or show some of them in full.",
        discussion: """
              arobust rules list --domain gpu
              arobust rules list nvidia.xid.79

            Exit status: 0 if there are such rules, 1 if not, 64 for a wrong flag, setting
            or rule file.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var rules: RuleOptions

    @ArgumentParser.Option(help: ArgumentHelp("Only rules of this domain.", valueName: "domain"))
    var domain: String?

    @ArgumentParser.Argument(help: "The ids of the rules to show in full.")
    var id: [String] = []

    func validate() throws {
        guard let domain, RuleDomain(rawValue: domain) == nil else { return }
        let all = RuleDomain.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("--domain is '\(domain)'; it must be one of \(all)")
    }

    func run() async throws {
        let settings = try common.settings(rules.flags)
        try await CommandFailure.wrap {
            let table = try settings.ruleTable()
            let chosen = table.rules.filter { rule in
                (domain == nil || rule.domain.rawValue == domain) && (id.isEmpty || id.contains(rule.id))
            }
            for id in id where table[id] == nil { StandardError.say("There is no rule '\(id)'.") }
            let lines = id.isEmpty ? Self.columns(chosen) : Array(chosen.map(Self.whole).joined(separator: [""]))
            try StandardOutput.write(.lines(lines))
            if chosen.isEmpty || id.contains(where: { table[$0] == nil }) { throw ExitCode.failure }
        }
    }

    /// The list has no titles: it is read by people who look for a word in it, and by grep.
    static func columns(_ rules: [Rule]) -> [String] {
        var table = TextTable([.text(""), .text(""), .text(""), .text(""), .text("")])
        for rule in rules {
            table.add([rule.id, rule.domain.rawValue, rule.role.rawValue, rule.action.rawValue, rule.title])
        }
        return Array(table.lines.dropFirst())
    }

    private static func whole(_ rule: Rule) -> [String] {
        let texts: [(String, String?)] = [
            ("title", rule.title), ("domain", rule.domain.rawValue), ("role", rule.role.rawValue),
            ("action", rule.action.rawValue), ("weight", rule.weight.rawValue),
            ("where", rule.place.rawValue), ("all", list(rule.all)), ("any", list(rule.any)), ("regex", rule.pattern),
            ("exclude", list(rule.exclusions)), ("ignore-case", rule.ignoresCase ? "true" : nil),
            ("exit-codes", list(rule.exitCodes.map(String.init))), ("count", rule.count > 1 ? "\(rule.count)" : nil),
            ("within", rule.window.map { "\($0)" }), ("relaunch-after", "\(rule.relaunchAfter)"),
            ("vendor-action", rule.vendorAction), ("source", rule.source), ("defined in", rule.definedAt),
        ]
        return [rule.id] + texts.compactMap { name, text in text.map { "  \(name): \($0)" } }
    }

    private static func list(_ texts: [String]) -> String? {
        texts.isEmpty ? nil : texts.map { "'\($0)'" }.joined(separator: ", ")
    }
}
