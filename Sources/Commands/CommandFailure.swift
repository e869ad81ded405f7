internal import Agent
internal import ArgumentParser
internal import ZMQBridge

/// Ends a command: a wrong setting as a wrong flag does, with status 64 (`EX_USAGE`); anything else with a sentence and status 1.
enum CommandFailure {
    static func wrap(_ work: () async throws -> Void) async throws {
        do {
            try await work()
        } catch let error as SettingsError {
            throw ValidationError("\(error)")
        } catch let exit as ExitCode {
            throw exit
        } catch {
            StandardError.say("Error: \(error)")
            throw ExitCode.failure
        }
    }
}
