import FailureDiagnosis
import TestSupport
import Testing

@Suite struct CorpusTests {
    @Test func allIsFoundAsItMustBe() throws {
        let corpus = try RuleCorpus(folder: TestFiles.corpus)
        #expect(corpus.counts.jobs >= 30)
        for failure in corpus.run(.builtIn) { Issue.record("\(failure)") }
    }

    @Test func builtInRulesAreFreeOfFindings() throws {
        let corpus = try RuleCorpus(folder: TestFiles.corpus)
        for finding in RuleTable.builtIn.lint(corpus: corpus) { Issue.record("\(finding)") }
    }

    @Test func aWrongExpectationIsTold() throws {
        let scratch = ScratchFolder()
        let corpus = try ScratchCorpus(
            in: scratch, lines: "- {rule: a, origin: made, match: [plain], near-miss: [a needle]}",
            index: "- {job: one, origin: made, rule: a, action: job_abortion}", job: "one",
            log: "2026-11-24 00:00:00 a needle")
        let table = try RuleTable(
            yaml: "rules: [{id: a, title: t, any: [needle], domain: gpu, role: root-cause, action: restart_worker}]",
            name: "t")
        let reasons = try RuleCorpus(folder: corpus.path).run(table).map(\.reason)
        #expect(
            reasons == [
                "a must match and does not: plain", "a must not match and does: a needle",
                "the action is restart_worker, must be job_abortion",
            ])
    }
}

/// A corpus of one line file and one job.
struct ScratchCorpus {
    let path: String

    init(in scratch: ScratchFolder, lines: String, index: String, job: String, log: String) throws {
        path = scratch.path
        for name in ["lines", "jobs/" + job] { try scratch.makeFolder(name) }
        _ = try scratch.write(lines, to: "lines/all.yaml")
        _ = try scratch.write(index, to: "jobs/index.yaml")
        _ = try scratch.write(log + "\n", to: "jobs/\(job)/rank0.log")
    }
}
