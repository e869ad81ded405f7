import TestSupport
import Testing

@testable import Agent

@Suite struct SettingsWarningsTests {
    private let folder = ScratchFolder()

    private func warnings(_ flags: [SettingFlag]) throws -> [String] {
        let state = SettingFlag.several(\.stateDirectory, "--state-dir", [folder.path + "/s"])
        return try AgentSettings(file: nil, environment: [:], flags: [state] + flags).warnings()
    }

    @Test func whatIsThereIsNotTold() throws {
        try folder.write("a", to: "train.log")
        #expect(try warnings([]) == [])
        #expect(
            try warnings([
                .several(\.logs.files, "--log-file", ["\(folder.path)/train.log", "\(folder.path)/*.log"]),
                .one(\.stacks.pySpy, "--py-spy", "/bin/sh"),
                .masters("--master", ["file://\(folder.path)/x", "h:1", "stdout:"]),
            ]) == [])
    }

    @Test func whatIsNotThereIsToldWithTheFlag() throws {
        let path = folder.path
        #expect(
            try warnings([
                .several(
                    \.logs.files, "--log-file",
                    ["\(path)/no/a.log", "\(path)/b.log", "\(path)/no/*/c", "\(path)/*.log"]),
                .one(\.stacks.pySpy, "--py-spy", "\(path)/py-spi"), .masters("--master", ["file://\(path)/no/x"]),
            ]) == [
                "--log-file: there is no log \(path)/no/a.log yet, nor is there a folder \(path)/no; it is followed as soon as there is",
                "--log-file: there is no log \(path)/b.log yet; it is followed as soon as there is",
                "--log-file: nothing can match \(path)/no/*/c yet: there is no folder \(path)/no",
                "--py-spy: cannot run \(path)/py-spi: No such file or directory; no Python stacks can be taken with it",
                "--master: file://\(path)/no/x can't be written: there is no folder \(path)/no",
            ])
    }
}
