import Glibc
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

    @Test func whatIsNoFileIsTold() throws {
        let path = folder.path
        try folder.write("a", to: "file")
        mkfifo(folder.file("pipe"), 0o600)
        #expect(
            try warnings([
                .several(\.logs.files, "--log-file", [path, "/dev/zero", "\(path)/pipe", "\(path)/file/*.log"]),
                .several(\.logs.torchrun, "--torchrun-logs", ["\(path)/file", "\(path)/none"]),
                .one(\.stacks.pySpy, "--py-spy", path), .several(\.stacks.pids, "--stack-pid", ["4194304"]),
                .masters("--master", ["file://\(path)/pipe", "file://\(path)", "file://\(path)/file/x"]),
                .one(\.diagnosis.kernelLog, "--kernel-log", "\(path)/none"),
                .several(\.listenAllow, "--listen-allow", ["everyone"]),
            ]) == [
                "--log-file: \(path) is a folder; name the files in it, as with \(path)/*.log",
                "--log-file: /dev/zero is a device; only a file can be followed",
                "--log-file: \(path)/pipe is a named pipe; only a file can be followed",
                "--log-file: nothing can match \(path)/file/*.log: \(path)/file is no folder",
                "--torchrun-logs: \(path)/file is no folder",
                "--torchrun-logs: there is no folder \(path)/none yet",
                "--py-spy: \(path) is a folder, not a program; no Python stacks can be taken with it",
                "--stack-pid: there is no process 4194304",
                "--master: file://\(path)/pipe can't be written: it is a named pipe, not a file",
                "--master: file://\(path) can't be written: it is a folder",
                "--master: file://\(path)/file/x can't be written: cannot look at \(path)/file/x: Not a directory",
                "--kernel-log: cannot read \(path)/none: No such file or directory",
                "--listen-allow: without listen it allows nothing",
            ])
    }
}
