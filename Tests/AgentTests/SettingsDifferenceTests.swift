import Diagnosis
import TestSupport
import Testing

@testable import Agent

@Suite struct SettingsDifferenceTests {
    private let scratch = ScratchFolder()

    private func settings(_ yaml: String, environment: [String: String] = [:]) throws -> AgentSettings {
        try scratch.write(yaml, to: "arobust.yaml")
        return try AgentSettings(
            file: scratch.file("arobust.yaml"), environment: ["HOME": scratch.path].merging(environment) { $1 },
            flags: [])
    }

    @Test func nothingDiffersFromTheSameInOtherWords() throws {
        let old = try settings("logs: {files: [/a.log], interval: 1000ms}\nmasters: ['stdout:']\n")
        let new = try settings("# a comment\n\nmasters:\n- 'stdout:'\nlogs:\n  interval: 1000ms\n  files: /a.log\n")
        let difference = SettingsDifference(from: old, to: new)
        #expect(difference.changes.isEmpty && difference.restart.isEmpty)
    }

    @Test func whatWaitsForARestartStaysAndTheRestIsTaken() throws {
        let old = try settings("node: {rank: 1}\nmetrics: {interval: 5s}\n")
        let new = try settings("node: {rank: 2}\nmetrics: {interval: 6s}\nmasters: ['stdout:']\n")
        let difference = SettingsDifference(from: old, to: new)
        let file = scratch.file("arobust.yaml")
        #expect(difference.changes.map(\.sentence) == ["metrics.interval: 5s -> 6s (\(file):2)"])
        #expect(
            difference.restartSentences == [
                "node.rank: 1 -> 2 (\(file):1), since all that a run publishes comes from one node"
            ])
        let taken = try difference.settings()
        #expect(taken.node.rank == 1)
        #expect(taken.values[\.metrics.interval] == .seconds(6))
        #expect(try taken.masters().count == 1)
        // Read once more, the same waits still.
        let again = SettingsDifference(from: taken, to: new)
        #expect(again.changes.isEmpty && again.restart.count == 1)
    }

    @Test func aSettingThatIsTakenOutHasItsDefaultAgain() throws {
        let old = try settings("logs: {interval: 9s}\n")
        let difference = SettingsDifference(from: old, to: try settings("{}"))
        #expect(difference.changes.map(\.sentence) == ["logs.interval: 9s -> 250ms (default)"])
    }

    @Test func secretsAreNotTold() throws {
        let old = try settings("metrics: {url: 'http://127.0.0.1/metrics'}\n")
        let new = try settings("metrics: {url: 'http://127.0.0.1/metrics?token=hunter2hunter2'}\n")
        let sentence = SettingsDifference(from: old, to: new).changes.map(\.sentence).joined()
        #expect(sentence.hasPrefix("metrics.url: ") && !sentence.contains("hunter2"))
    }

    @Test func nobodyWhoReadsASettingAtTheStartAloneSaysOtherwise() {
        for setting in SettingsCatalog.all {
            guard case .restart(let reason) = ChangeEffect(of: setting.key) else { continue }
            #expect(!reason.isEmpty, "\(setting.key)")
        }
        #expect(ChangeEffect(of: "journal.size") == .atOnce)
        #expect(ChangeEffect(of: "journal.durability") != .atOnce)
        #expect(ChangeEffect(of: "not-there-yet") == .restart("it is read only at the start"))
    }

    @Test func everyOptionOfAMasterChangesAtOnce() {
        for setting in SettingsCatalog.ofMasters { #expect(ChangeEffect(of: setting.key) == .atOnce, "\(setting.key)") }
    }
}
