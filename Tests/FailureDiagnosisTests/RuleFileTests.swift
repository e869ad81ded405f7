import FailureDiagnosis
import TestSupport
import Testing

@Suite struct RuleFileTests {
    static let rule = "id: a.b, title: t, any: [needle], domain: gpu, role: root-cause, action: restart_worker"

    @Test(arguments: [
        ("rulez: []", "f:1: unknown key 'rulez'; allowed are rules, exclude, advice, disable"),
        ("rules: 3", "f:1: rules must be a list"),
        ("rules:\n  - title: x", "f:2: a rule needs an id"),
        ("rules:\n  - id: A", "f:2: id is 'A'; it must be 1 to 64 lower-case letters, digits, dots and hyphens"),
        ("rules:\n  - {id: a, title: t, domain: gpu, role: cascade}", "f:2: the rule 'a' needs the key action"),
        (
            "rules:\n  - {\(rule), colour: red}",
            "f:2: unknown key 'colour'; allowed in a rule are id, title, where, all, any, regex, exclude, ignore-case, exit-codes, domain, role, action, weight, count, within, relaunch-after, vendor-action, source"
        ),
        (
            "rules:\n  - \(rule.split(separator: ", ").joined(separator: "\n    "))\n    weight: heavy",
            "f:8: weight is 'heavy'; it must be one of weak, normal, strong"
        ),
        ("rules:\n  - {\(rule), within: 3}", "f:2: within is '3'; it must be a duration with a unit (30s, 10m, 1h)"),
        ("rules:\n  - {\(rule), within: 3m}", "f:2: the rule 'a.b' has 'within', which needs a count above 1"),
        ("rules:\n  - {\(rule)}\n  - {\(rule)}", "f:3: the rule 'a.b' is defined twice, first in line 2"),
        ("disable: [x]", "f:1: disable names 'x', but there is no such rule"),
        (
            "rules:\n  - {\(rule), regex: '(a'}",
            "f:2: regex is '(a'; it must be a POSIX extended regular expression (Unmatched ( or \\()"
        ),
        (
            "rules:\n  - {\(rule), regex: '(a)\\1'}",
            "f:2: regex is '(a)\\1'; it must be a POSIX extended regular expression (it has a back-reference, which takes too long)"
        ),
        (
            "rules:\n  - {id: a, title: t, domain: gpu, role: cascade, action: event}",
            "f:2: the rule 'a' needs texts to look for (all or any), or exit-codes"
        ),
    ]) func aBadFileIsRefused(yaml: String, message: String) {
        let error = #expect(throws: RuleTableError.self) { try RuleTable(yaml: yaml, name: "f") }
        #expect(error?.description == message)
    }

    @Test func aFileChangesOnlyWhatItGives() throws {
        var table = RuleTable.builtIn
        try table.apply(
            yaml: "rules: [{id: cuda.out-of-memory, action: job_abortion}, {\(Self.rule)}]\ndisable: host.panic\n",
            name: "mine.yaml")
        #expect(table["cuda.out-of-memory"]?.action == .jobAbortion)
        #expect(table["cuda.out-of-memory"]?.any == RuleTable.builtIn["cuda.out-of-memory"]?.any)
        #expect(table["cuda.out-of-memory"]?.definedAt == "mine.yaml:1")
        #expect(table["host.panic"] == nil)
        #expect(table["a.b"]?.any == ["needle"])
        #expect(table.rules.count == RuleTable.builtIn.rules.count)
    }

    @Test func aBadFileChangesNothing() throws {
        var table = RuleTable.builtIn
        #expect(throws: RuleTableError.self) {
            try table.apply(yaml: "disable: [host.panic, nothing]", name: "f")
        }
        #expect(table["host.panic"] != nil)
    }

    @Test(arguments: [
        ("#a b# c #", ["a b", "c"]), ("#a", []), ("a", []), ("", []), ("#", []), ("# #", []), (" #a# ", ["a"]),
    ]) func failureNodeErrorsAreReadAsDLRoverReadsThem(value: String, texts: [String]) {
        var table = RuleTable()
        #expect(table.addFailureNodeErrors(value) == texts.count)
        #expect(table.rules.map(\.all) == texts.map { [$0] })
    }

    @Test func lintSeesWhatCannotMatter() throws {
        let table = try RuleTable(
            yaml: """
                exclude: [advice]
                rules:
                  - {id: first, title: t, any: [needle point], domain: gpu, role: root-cause, action: event}
                  - {id: second, title: t, all: [a needle point], domain: gpu, role: root-cause, action: event}
                  - {id: third, title: t, any: [out of memory, CUDA out of memory, abc], exclude: [of], domain: gpu, role: cascade, action: event}
                  - {id: fourth, title: t, any: [some advice], regex: '^x$', domain: gpu, role: cascade, action: event}
                """, name: "f")
        #expect(
            table.lint().map { "\($0.ruleID) \($0.kind.rawValue)" } == [
                "second unreachable", "third dead-text", "third dead-text", "third dead-text", "third short-text",
                "fourth dead-text",
            ])
        let scratch = ScratchFolder()
        let corpus = try ScratchCorpus(
            in: scratch, lines: "- {rule: fourth, origin: made, match: [some advice], near-miss: [x]}",
            index: "- {job: one, origin: made, rule: none, action: restart_worker}", job: "one", log: "x")
        let found = table.lint(corpus: try RuleCorpus(folder: corpus.path)).filter { $0.ruleID == "fourth" }
        #expect(found.map(\.kind) == [.deadText, .pattern])
    }
}
