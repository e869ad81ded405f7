import Glibc
import SystemSupport
import TestSupport
import Testing

@testable import Agent

@Suite struct SettingsCheckTests {
    private let folder = ScratchFolder()

    private func check(
        _ flags: [SettingFlag] = [], for purpose: SettingsCheck.Purpose = .everything,
        environment: [String: String] = [:],
        state: String? = nil
    ) throws -> SettingsCheck {
        let state = SettingFlag.several(\.stateDirectory, "--state-dir", [state ?? folder.file("s")])
        return SettingsCheck(
            try AgentSettings(file: nil, environment: environment, flags: [state] + flags), for: purpose)
    }

    private func errors(
        _ flags: [SettingFlag] = [], for purpose: SettingsCheck.Purpose = .everything,
        environment: [String: String] = [:],
        state: String? = nil
    ) throws -> [String] {
        try check(flags, for: purpose, environment: environment, state: state).errors.map { "\($0)" }
    }

    @Test(arguments: [SettingsCheck.Purpose.agent, .collect, .bridge, .everything])
    func whatIsRightIsNotToldAndNothingIsMade(purpose: SettingsCheck.Purpose) throws {
        let flags: [SettingFlag] = [
            .masters("--master", ["file://\(folder.path)/x", "h:1"]),
            .several(\.listen, "--listen", ["unix:\(folder.path)/l.sock"]),
            .several(\.listenAllow, "--listen-allow", ["user:root"]),
        ]
        let check = try check(flags, for: purpose)
        #expect(check.errors.isEmpty && check.warnings.isEmpty)
        #expect(folder.names == [])
    }

    @Test func everythingThatStopsAStartIsTold() throws {
        try folder.write("rules: [{id: x}]", to: "r.yaml")
        try folder.write("", to: "plain")
        let errors = try errors(
            [
                .several(\.diagnosis.rules, "--rules", [folder.file("r.yaml")]),
                .several(\.listen, "--listen", ["unix:\(folder.path)/none/x.sock"]),
                .one(\.consumersDirectory, "--consumers-dir", folder.file("plain/c")),
                .masters("--master", ["file://\(folder.path)/x", "file://\(folder.path)/./x"]),
            ], state: folder.file("plain"))
        #expect(errors.count == 5)
        #expect(errors.contains("the state directory is not a directory: \(folder.path)/plain"))
        #expect(errors.contains { $0.hasPrefix("--consumers-dir: the masters' ledgers can't be kept in") })
        #expect(errors.contains { $0.hasSuffix("x and file://\(folder.path)/./x are the same file") })
        #expect(errors.contains { $0.hasPrefix("\(folder.path)/r.yaml:1: ") })
        #expect(errors.contains { $0.hasPrefix("cannot listen at unix:\(folder.path)/none/x.sock: ") })
    }

    @Test func aPartIsAskedOnlyForWhatItNeeds() throws {
        let flags: [SettingFlag] = [
            .several(\.diagnosis.rules, "--rules", ["/none/r"]),
            .several(\.listen, "--listen", ["unix:\(folder.path)/none/x.sock"]),
        ]
        #expect(try errors(flags, for: .bridge) == [])
        #expect(try errors(flags, for: .collect).count == 2)
        let master: [SettingFlag] = [
            .masters("--master", ["stdout:"]), .one(\.consumersDirectory, "--consumers-dir", "/proc/none/c"),
        ]
        #expect(try errors(master, for: .collect) == [])
        #expect(try errors(master, for: .bridge).count == 1)
    }

    @Test func aNameThatNobodyHas() throws {
        let flags: [SettingFlag] = [
            .several(\.listen, "--listen", ["dlrover+grpc://127.0.0.1:0"]),
            .several(\.listenAllow, "--listen-allow", ["user:no-such-user"]),
        ]
        #expect(
            try errors(flags) == [
                "--listen-allow: listen-allow names the user no-such-user, which this system does not have"
            ])
    }

    @Test func filesThatAreOneUnderTwoNames() throws {
        try folder.write("", to: "x")
        symlink(folder.file("x"), folder.file("link"))
        link(folder.file("x"), folder.file("twin"))
        for name in ["link", "twin", "./x", "/x"] {
            let masters = SettingFlag.masters("--master", ["file://\(folder.path)/x", "file://\(folder.path)/\(name)"])
            #expect(try errors([masters]).count == 1, "\(name)")
        }
        #expect(try errors([.masters("--master", ["file://\(folder.path)/x", "file://\(folder.path)/y"])]) == [])
    }

    @Test func aBridgeToOthersNeedsNoDirectoryOfAPublisher() throws {
        let flags: [SettingFlag] = [.several(\.connect, "--connect", ["tcp://127.0.0.1:5555"])]
        #expect(try errors(flags, state: folder.file("s")) == [])
        let two = SettingFlag.several(\.stateDirectory, "--state-dir", [folder.file("a"), folder.file("b")])
        let settings = try AgentSettings(file: nil, environment: [:], flags: [two])
        #expect(SettingsCheck(settings, for: .everything).errors.isEmpty)
        #expect(SettingsCheck(settings, for: .collect).errors.count == 1)
    }

    @Test(.enabled(if: geteuid() != 0, "root has a default directory"))
    func withoutADirectoryOnlyWhatNeedsOneFails() throws {
        let settings = try AgentSettings(file: nil, environment: [:], flags: [])
        _ = try settings.ruleTable()
        #expect(throws: SettingsError.self) { try settings.publisherDirectories() }
        #expect(SettingsCheck(settings, for: .everything).errors.count == 1)
    }

    @Test(arguments: ["/none/r.prom", "/dev/null/r.prom"]) func aTelemetryFileWithoutAFolder(path: String) throws {
        let check = try check([.one(\.telemetry.file, "--telemetry", path)])
        #expect(check.errors.isEmpty)
        #expect(check.warnings.first?.hasPrefix("--telemetry: \(path) can't be written: ") == true)
    }

    @Test func moreMastersThanThereAreDescriptorsFor() throws {
        let count = min(1000, DescriptorLimit.current.count)
        guard DescriptorLimit.needed(masters: count) > DescriptorLimit.current.count else { return }
        let check = try check([.masters("--master", (0..<count).map { "h\($0):1" })])
        #expect(check.errors.contains { $0 is ProcessLimitError })
    }

    @Test func aFolderForLedgersThatOthersMayWriteTo() throws {
        let open = folder.file("sticky")
        #expect(mkdir(open, 0o700) == 0 && chmod(open, 0o1777) == 0)
        let told = try errors([.masters("--master", ["h:1"]), .one(\.consumersDirectory, "--consumers-dir", open)])
        #expect(told.count == 1 && told[0].contains("\(open) has mode 01777"))
    }
}
