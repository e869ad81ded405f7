internal import Agent
internal import ArgumentParser

/// Ends a command with a sentence: status 64 (`EX_USAGE`) for a wrong setting, as for a wrong flag, and 1 for anything else.
enum CommandFailure {
    static func wrap(_ work: () async throws -> Void) async throws {
        do {
            try await work()
        } catch let error as SettingsError {
            throw exit(error)
        } catch let exit as ExitCode {
            throw exit
        } catch {
            StandardError.say("Error: \(error)")
            throw ExitCode.failure
        }
    }

    /// Says what is wrong with a setting. The usage is not shown: the setting may stand in a file or a variable.
    static func exit(_ error: SettingsError) -> ExitCode {
        StandardError.say("Error: \(error)")
        return .validationFailure
    }
}
