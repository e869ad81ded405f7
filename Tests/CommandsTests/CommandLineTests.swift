import ArgumentParser
import Testing

@testable import Agent
@testable import Commands

/// What stands on a command line: taken over, or refused with a sentence.
@Suite struct CommandLineTests {
    private func refusal(_ arguments: String) throws -> String {
        let error = try #require(throws: (any Error).self) {
            _ = try ArobustCommand.parseAsRoot(arguments.split(separator: " ").map(String.init))
        }
        #expect(ArobustCommand.exitCode(for: error) == .validationFailure)
        return ArobustCommand.message(for: error)
    }

    @Test(arguments: [
        ("tap --since 1m --last 3", "--since, --from and --last exclude each other"),
        ("tap --last=-1", "--last is -1; it must be at least 0"),
        ("tap --count 0", "--count is 0; it must be at least 1"),
        ("tap --type a/b", "--type is 'a/b'; it must be "),
        ("tap --since yesterday", "--since is 'yesterday'; it must be how long ago (90s, 10m, 2h, 1d)"),
        (
            "tap --from end",
            "--from is 'end'; it must be oldest, a sequence, or an epoch, a slash and a sequence"
        ),
        (
            "publish --timeout 10",
            "--timeout is '10'; it must be a duration with a unit (500ms, 2s, 10m) from 1ms to 24h"
        ),
        ("publish --timeout 0s", "--timeout is '0s'; it must be a duration with a unit"),
        ("publish --timeout 25h", "--timeout is '25h'; it must be a duration with a unit"),
        ("status --json --watch", "--watch shows text; it can't be given with --json"),
        ("journal show", "Missing expected argument '<sequence>'"),
        ("journal show 1 --type a/b", "--type is 'a/b'; it must be "),
        ("journal export --from x", "--from is 'x'; it must be "),
        ("journal export --to 1/2/3", "--to is '1/2/3'; it must be "),
        ("journal export --since x", "--since is 'x'; it must be how long ago"),
        ("journal export --type a/b", "--type is 'a/b'; it must be "),
        ("diagnose --restart-count=-1", "--restart-count is -1; it must be at least 0"),
        ("rules list --domain x", "--domain is 'x'; it must be one of "),
        ("rules test", "Missing expected argument '--corpus <dir>'"),
        ("agent --no-such-flag", "Unknown option '--no-such-flag'"),
        ("audit --json=1", "does not take any value"),
    ])
    func aWrongFlagIsExplained(arguments: String, explanation: String) throws {
        #expect(try refusal(arguments).contains(explanation))
    }

    @Test(arguments: [
        "tap --since 10m", "tap --since 2026-11-23T18:00:00Z", "tap --from oldest", "tap --from 12", "tap --from 3/12",
        "tap --last 0 --type TRAINING_LOG --type A --node-rank 1 --count 5 --json", "publish --timeout 24h",
        "status --watch", "status --json", "audit --strict --json", "journal ls --files --json",
        "journal show 12 --type TRAINING_LOG --epoch 3", "journal export --from 1/2 --to 1/9 --since 1h",
        "journal verify --json", "rules list --domain gpu", "diagnose --log a.log --restart-count 1",
        "config show --connect ipc:///x --master localhost:1", "bridge --state-dir /a --state-dir /b",
    ])
    func whatTheHelpNamesIsTaken(arguments: String) throws {
        _ = try ArobustCommand.parseAsRoot(arguments.split(separator: " ").map(String.init))
    }

    @Test func flagsBecomeSettingsUnderTheirNames() throws {
        let options = try CollectOptions.parse([
            "--log-file", "a", "--log-file", "b", "--stack-ranks", "--node-id", "7", "--metrics-interval", "5s",
        ])
        let given = options.flags.filter { !$0.texts.isEmpty }
        #expect(given.map(\.key) == ["logs.files", "metrics.interval", "stacks.ranks", "node.id"])
        #expect(given.map(\.name) == ["--log-file", "--metrics-interval", "--stack-ranks", "--node-id"])
        #expect(given.map(\.texts) == [["a", "b"], ["5s"], ["true"], ["7"]])
    }

    @Test func everyFlagIsNamedAsItIsWritten() throws {
        let flags =
            try CollectOptions.parse([]).flags + MasterOptions.parse([]).flags + SourceOptions.parse([]).flags
            + RuleOptions.parse([]).flags + CommonOptions.parse([]).flags
        let helps = [
            CollectOptions.helpMessage(), MasterOptions.helpMessage(), SourceOptions.helpMessage(),
            RuleOptions.helpMessage(), CommonOptions.helpMessage(),
        ].joined()
        for flag in flags {
            #expect(helps.contains("\(flag.name) ") || helps.contains("\(flag.name)\n"), "\(flag.name)")
        }
    }

    @Test func aWrongSettingEndsTheCommandWithTheUsageStatus() throws {
        let common = try CommonOptions.parse([])
        let error = try #require(throws: ExitCode.self) {
            _ = try common.settings([.one(\.metrics.interval, "--metrics-interval", "5")])
        }
        #expect(error == .validationFailure)
    }
}
