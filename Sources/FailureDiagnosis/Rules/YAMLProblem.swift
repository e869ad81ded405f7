private import SystemSupport
private import Yams

/// What is wrong with a file that is not YAML, in one line. Without the line of the file that Yams shows: there may be a secret in it.
package enum YAMLProblem {
    package static func text(_ error: any Error) -> String {
        switch error as? YamlError {
        case .reader(let problem, let offset, _, let yaml):
            let before = yaml.unicodeScalars.prefix(offset ?? 0)
            return offset == nil ? problem : "line \(before.count { $0 == "\n" } + 1): \(problem)"
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let context = context.map { "\($0.text) in line \($0.mark.line): " } ?? ""
            return "line \(mark.line), column \(mark.column): \(context)\(problem)"
        case .duplicatedKeysInMapping(let keys, let context):
            // Each is shown, so a long list of long keys ends somewhere.
            let names = keys.prefix(3).map { "'\(TerminalText.line(String($0.prefix(64))))'" }.joined(separator: ", ")
            return
                "in the mapping that begins in line \(context.mark.line): \(names) \(keys.count == 1 ? "stands" : "stand") twice"
        default:
            return TerminalText.line("\(error)")
        }
    }
}
