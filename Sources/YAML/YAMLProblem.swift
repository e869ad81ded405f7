private import SystemSupport

/// What is wrong with a text that is not YAML, in one line. Without the line of the text itself: there may be a secret in it.
package struct YAMLProblem: Error, Hashable, CustomStringConvertible {
    package let description: String

    static let noMemory = YAMLProblem(description: "there is no memory to read it")

    init(description: String) {
        self.description = description
    }

    /// - Parameters:
    ///   - doubles: the keys that a mapping has more than once.
    ///   - line: where the mapping begins.
    init(doubles: [String], inMappingOf line: Int) {
        // Each is shown, so a long list of long keys ends somewhere.
        let names = doubles.prefix(3).map { "'\(TerminalText.line(String($0.prefix(64))))'" }.joined(separator: ", ")
        description =
            "in the mapping that begins in line \(line): \(names) \(doubles.count == 1 ? "stands" : "stand") twice"
    }
}
