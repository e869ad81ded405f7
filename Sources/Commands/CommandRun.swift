internal import ArgumentParser
private import SystemSupport

/// A call of the program, from its arguments to its exit status.
package enum CommandRun {
    /// Runs the command that the arguments name. As ArgumentParser's own `main`, but what is said about wrong arguments can't give a terminal
    /// orders, or look like more lines than it is.
    ///
    /// - Returns: the exit status.
    package static func run(_ arguments: [String]) async -> Int32 {
        if let lines = CommandAdvice.unknownCommand(in: arguments) {
            for line in lines { StandardError.say(line) }
            return ExitCode.validationFailure.rawValue
        }
        do {
            var command = try await ArobustCommand.asyncParseAsRoot(arguments)
            if var asyncCommand = command as? any AsyncParsableCommand {
                try await asyncCommand.run()
            } else {
                try command.run()
            }
            return ExitCode.success.rawValue
        } catch {
            let code = ArobustCommand.exitCode(for: error)
            let text = ArobustCommand.fullMessage(for: error)
            guard !text.isEmpty else { return code.rawValue }
            guard code != .success else { return show(text) }
            let advice = CommandAdvice.improved(text, arguments: arguments)
            for line in lines(of: advice, arguments: arguments) { StandardError.say(line) }
            return code.rawValue
        }
    }

    /// Writes what was asked for: help, the version, a completion script.
    ///
    /// - Returns: the exit status.
    private static func show(_ text: String) -> Int32 {
        do throws(SystemCallError) {
            try StandardOutput.write(help: text)
            return ExitCode.success.rawValue
        } catch {
            StandardError.say("Error: \(error)")
            return ExitCode.failure.rawValue
        }
    }

    /// The lines of a message, in which an argument that has line breaks of its own is written on one line.
    static func lines(of message: String, arguments: [String]) -> [String] {
        var message = message
        for text in arguments.flatMap(quotable) where message.contains(text) {
            message = message.replacing(text, with: TerminalText.line(text))
        }
        return message.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// What a message may quote of an argument, the longest first: all of it, or the value after the equals sign.
    private static func quotable(_ argument: String) -> [String] {
        let value = argument.firstIndex(of: "=").map { String(argument[argument.index(after: $0)...]) }
        let name = argument.firstIndex(of: "=").map { String(argument[..<$0]) }
        return [argument, value, name].compactMap(\.self).filter {
            $0.unicodeScalars.contains("\n") && !$0.allSatisfy(\.isWhitespace)
        }
    }
}
