internal import ArgumentParser
internal import SystemSupport

/// What to say of a command that is not there, and of a flag that the command doesn't have. ArgumentParser's own answers don't help with
/// either: it shows the root's help for `help nope`, and proposes any flag that has a few letters in common.
enum CommandAdvice {
    /// What is wrong with the command that the arguments name: a sentence and where to look. `nil` if it is there, or none is named.
    static func unknownCommand(in arguments: [String]) -> [String]? {
        let isHelp = arguments.first == "help"
        let (path, word) = walk(isHelp ? Array(arguments.dropFirst()) : arguments)
        guard let word, let last = path.last, !last.configuration.subcommands.isEmpty else { return nil }
        // The parser's own.
        guard word != "help" else { return nil }
        let nearest = EditDistance.nearest(to: word, of: last.configuration.subcommands.map(name))
        let advice = nearest.map { " Did you mean '\($0)'?" } ?? ""
        let called = path.map(name).joined(separator: " ")
        return [
            "Error: \(called) has no command '\(word)'.\(advice)", "  See '\(called) --help' for more information.",
        ]
    }

    /// The message with better advice about a flag that the command doesn't have: which commands have it, or the flag that was meant.
    static func improved(_ message: String, arguments: [String]) -> String {
        guard
            let match = message.firstMatch(
                of: /Unknown option '(?<flag>--[a-z-]+)'(\. Did you mean '(?<other>[a-z-]+)'\?)?/)
        else { return message }
        let flag = String(match.output.flag)
        let own = walk(arguments).path.last.map(name)
        let owners = ArobustCommand.configuration.subcommands.filter { name($0) != own && has($0, flag) }.map(name)
        var advice = ""
        if !owners.isEmpty {
            advice = ": it is a flag of arobust \(list(owners))."
        } else if let other = match.output.other, EditDistance.nearest(to: flag, of: [String(other)]) != nil {
            advice = ". Did you mean '\(other)'?"
        }
        return message.replacingCharacters(in: match.range, with: "Unknown option '\(flag)'\(advice)")
    }

    /// The commands that the arguments name, from the root on, and the next word, unless it is a flag.
    private static func walk(_ arguments: [String]) -> (path: [any ParsableCommand.Type], word: String?) {
        var path: [any ParsableCommand.Type] = [ArobustCommand.self]
        for word in arguments {
            guard !word.hasPrefix("-") else { return (path, nil) }
            guard let next = path.last?.configuration.subcommands.first(where: { name($0) == word }) else {
                return (path, word)
            }
            path.append(next)
        }
        return (path, nil)
    }

    private static func name(_ command: any ParsableCommand.Type) -> String {
        command.configuration.commandName ?? "\(command)".lowercased()
    }

    private static func has(_ command: any ParsableCommand.Type, _ flag: String) -> Bool {
        let help = ArobustCommand.helpMessage(for: command)
        // Indented: in the examples it stands after the command's name.
        return help.split(separator: "\n").contains { $0.hasPrefix("  \(flag) ") || $0 == "  \(flag)" }
    }

    /// `agent, bridge and diagnose`
    private static func list(_ words: [String]) -> String {
        words.count < 2 ? words.joined() : words.dropLast().joined(separator: ", ") + " and " + words[words.count - 1]
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
        String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
    }
}
