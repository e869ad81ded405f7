import SystemSupport
import TestSupport
import Testing

@testable import Agent

/// What stops a start besides the settings' form; `config check` looks at the same.
@Suite struct StartConditionsTests {
    private let folder = ScratchFolder()

    private func settings(_ flags: [SettingFlag]) throws -> AgentSettings {
        let state = SettingFlag.several(\.stateDirectory, "--state-dir", [folder.path + "/s"])
        return try AgentSettings(file: nil, environment: [:], flags: [state] + flags)
    }

    @Test func aFewMastersWillDo() throws {
        let settings = try settings([.masters("--master", ["h:1", "stdout:"])])
        #expect(throws: Never.self) { try settings.checkStart() }
    }

    @Test func moreMastersThanThereAreDescriptorsFor() throws {
        let count = min(1000, DescriptorLimit.current.count)
        guard DescriptorLimit.needed(masters: count) > DescriptorLimit.current.count else { return }
        let settings = try settings([.masters("--master", (0..<count).map { "h\($0):1" })])
        #expect(throws: ProcessLimitError.self) { try settings.checkStart() }
    }

    @Test func namesThatTheSystemDoesNotHave() throws {
        let allow = SettingFlag.several(\.listenAllow, "--listen-allow", ["user:no-such-user-here"])
        #expect(throws: Never.self) { try settings([allow]).checkStart() }
        let listening = try settings([allow, .one(\.listen, "--listen", "dlrover+grpc://127.0.0.1:0")])
        let error = #expect(throws: SettingsError.self) { try listening.checkStart() }
        let text = "\(try #require(error))"
        #expect(text.contains("--listen-allow") && text.contains("no-such-user-here"))
    }
}
