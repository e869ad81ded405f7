internal import Agent
internal import ArgumentParser
private import Foundation
internal import Logging

/// The flags of all commands.
struct CommonOptions: ParsableArguments {
    @ArgumentParser.Option(help: "A YAML file of settings; environment and flags win over it. Also: AROBUST_CONFIG.")
    var config: String?

    @ArgumentParser.Option(
        help: "How much to log to standard error: trace, debug, info, notice, warning, error or critical.")
    var logLevel: String?

    var flags: [SettingFlag] {
        [SettingFlag(key: "log-level", name: "--log-level", texts: logLevel.map { [$0] } ?? [])]
    }

    /// Puts the settings together; one that is wrong ends the command with the usage status.
    func settings(_ flags: [SettingFlag]) throws -> AgentSettings {
        let environment = ProcessInfo.processInfo.environment
        do throws(SettingsError) {
            return try AgentSettings(
                file: config ?? Self.file(environment), environment: environment, flags: self.flags + flags)
        } catch {
            throw CommandFailure.exit(error)
        }
    }

    /// An empty variable counts as unset.
    private static func file(_ environment: [String: String]) -> String? {
        environment["AROBUST_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
    }

    static func logger(_ settings: AgentSettings) -> Logger {
        var logger = Logger(label: "arobust") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = settings.logLevel
        return logger
    }
}
