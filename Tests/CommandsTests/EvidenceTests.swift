import ArgumentParser
import Diagnosis
import FailureDiagnosis
import TestSupport
import Testing

@testable import Commands

@Suite struct EvidenceTests {
    private let scratch = ScratchFolder()

    private func failure(_ arguments: [String], known: [LogSource] = []) throws -> TrainingFailure {
        var failure = TrainingFailure()
        failure.logs = known
        try EvidenceOptions.parse(arguments).add(to: &failure)
        return failure
    }

    @Test func aLogMayBeOfOneRank() throws {
        let failure = try failure([
            "--log", "3=a.log", "--log", "b.log", "--log", "x=c.log", "--error-file", "1=e.json",
        ])
        #expect(failure.logs.map(\.path) == ["a.log", "b.log", "x=c.log"])
        #expect(failure.logs.map(\.rank) == [3, nil, nil])
        #expect(failure.errorFiles.map(\.rank) == [1])
    }

    @Test func logsOfTheCommandLineTakeThePlaceOfTheSettings() throws {
        let known = [LogSource(path: "set.log")]
        #expect(try failure([], known: known).logs.map(\.path) == ["set.log"])
        #expect(try failure(["--log", "a.log"], known: known).logs.map(\.path) == ["a.log"])
    }

    @Test func whatTheLauncherSaysIsAnObjectOrAFileWithOne() throws {
        let object = #"{"0": {"exitcode": -9}}"#
        #expect(try failure(["--failures", object]).failures == object)
        let path = try scratch.write(object, to: "failures.json")
        #expect(try failure(["--failures", "@\(path)"]).failures == object)
    }

    @Test(arguments: [[], ["--failures", "[]"], ["--failures", "@/nonexistent"]])
    func withoutEvidenceTheCommandEndsWithTheUsageStatus(arguments: [String]) throws {
        let error = try #require(throws: ExitCode.self) { _ = try failure(arguments) }
        #expect(error == .validationFailure)
    }

    @Test func aFolderThatCanNotBeReadIsNoInput() throws {
        let error = try #require(throws: ExitCode.self) { _ = try failure(["--log-dir", "/nonexistent"]) }
        #expect(error.rawValue == 66)
    }
}

@Suite struct RulesListTests {
    @Test func theColumnsOfAllRulesStandUnderEachOther() throws {
        let rules = RuleTable.builtIn.rules
        let lines = RulesListCommand.columns(rules)
        #expect(lines.count == rules.count)
        let width = try #require(rules.map(\.id.count).max())
        for (line, rule) in zip(lines, rules) {
            #expect(line.hasPrefix(rule.id) && line.hasSuffix("  " + rule.title))
            #expect(line.dropFirst(width + 2).hasPrefix(rule.domain.rawValue))
        }
    }
}
