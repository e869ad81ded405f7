private import Diagnosis
internal import SystemSupport

/// A list of rules, and the texts that exclude a line from all of them.
package struct RuleTable: Sendable, Hashable {
    /// In the table's order: of two rules that say equally much about a line, the earlier one wins.
    package private(set) var rules: [Rule] = []
    /// A line with one of these texts matches no rule, such as arobust's own lines.
    package private(set) var exclusions: [String] = []
    /// Texts of which the sentence around them matches no rule, while the rest of the line does: what torch adds to its errors.
    package private(set) var advice: [String] = []
    private var indexes: [String: Int] = [:]

    /// A table without rules.
    package init() {}

    /// The rule with this id.
    package subscript(id: String) -> Rule? {
        indexes[id].map { rules[$0] }
    }

    /// Adds a rule, or replaces the one with the same id.
    package mutating func add(_ rule: Rule) {
        if let index = indexes[rule.id] {
            rules[index] = rule
        } else {
            indexes[rule.id] = rules.count
            rules.append(rule)
        }
    }

    /// - Returns: whether there was such a rule.
    @discardableResult
    package mutating func remove(id: String) -> Bool {
        guard let index = indexes[id] else { return false }
        rules.remove(at: index)
        indexes = Dictionary(uniqueKeysWithValues: rules.enumerated().map { ($1.id, $0) })
        return true
    }

    /// Adds a text that excludes a line from all rules.
    package mutating func exclude(_ text: String) {
        if !exclusions.contains(text) { exclusions.append(text) }
    }

    /// Adds a text of which the sentence around it matches no rule.
    package mutating func addAdvice(_ text: String) {
        if !advice.contains(text) { advice.append(text) }
    }
}

extension RuleTable {
    /// The built-in rules: `Resources/rules.yaml`, compiled in.
    package static let builtIn: RuleTable = {
        do {
            return try RuleTable(
                yaml: String(decoding: PackageResources.rules_yaml, as: UTF8.self), name: "built-in rules.yaml")
        } catch {
            // The tests read this file, so a build that passed them never gets here.
            fatalError("\(error)")
        }
    }()
}

extension RuleTable {
    /// Makes a table of the rules in a YAML text.
    ///
    /// - Parameter name: the text's name, for errors.
    package init(yaml: String, name: String) throws(RuleTableError) {
        self.init()
        try apply(yaml: yaml, name: name)
    }

    /// Adds, changes and removes rules as a YAML text says. For a known id only the given keys change.
    ///
    /// - Throws: `RuleTableError` with file, line and what is allowed; the table is then unchanged.
    package mutating func apply(yaml: String, name: String) throws(RuleTableError) {
        var changed = self
        try RuleFile(text: yaml, name: name).read(into: &changed)
        self = changed
    }

    /// Adds, changes and removes rules as a YAML file says.
    package mutating func apply(file path: String) throws(RuleTableError) {
        let bytes = try RuleTableError.wrap(path) { () throws(SystemCallError) in
            try WholeFile(path: path).read(limit: 16 << 20)
        }
        guard let text = ByteOrderMark.text(bytes) else {
            throw RuleTableError(place: path, reason: "the file is \(ByteOrderMark.encoding(of: bytes))")
        }
        try apply(yaml: text, name: path)
    }
}

extension RuleTable {
    /// Adds the texts of DLRover's `FAILURE_NODE_ERRORS`: a line with one of them means that the node has failed.
    ///
    /// - Parameter value: texts between number signs, `#error code is 12345# error code is 23456#`. As in DLRover, spaces around a text
    ///   are ignored, case matters, and a line with a number sign in it is ignored (it would be the logged setting itself).
    /// - Returns: the number of texts; 0 for a value that does not start and end with `#`, which DLRover's launcher ignores as well.
    @discardableResult
    package mutating func addFailureNodeErrors(_ value: String) -> Int {
        let value = value.trimmed
        guard value.hasPrefix("#"), value.hasSuffix("#"), value.count > 1 else { return 0 }
        return addFailureNodeErrors(texts: value.split(separator: "#").map { String($0).trimmed })
    }

    private mutating func addFailureNodeErrors(texts: [String]) -> Int {
        var number = 0
        for text in texts where !text.isEmpty {
            number += 1
            var rule = Rule(
                id: "dlrover.failure-node-error.\(number)", title: "FAILURE_NODE_ERRORS names this line", domain: .host,
                role: .rootCause, action: .relaunchWorker)
            rule.all = [text]
            rule.exclusions = ["#"]
            rule.weight = .strong
            rule.source = "https://github.com/intelligent-machine-learning/dlrover"
            rule.definedAt = "environment variable FAILURE_NODE_ERRORS"
            add(rule)
        }
        return number
    }
}

extension StringProtocol {
    /// Without white space at both ends.
    var trimmed: String {
        var rest = Substring(String(self))
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return String(rest)
    }
}

/// Why a rule file can't be used.
package struct RuleTableError: Error, Hashable, CustomStringConvertible {
    /// The file, and the line if there is one.
    package let place: String
    /// What is wrong, and what is allowed.
    package let reason: String

    package var description: String { "\(place): \(reason)" }

    /// Reports a system call's error as one of the file or folder at `path`.
    static func wrap<Result>(
        _ path: String, _ body: () throws(SystemCallError) -> Result
    ) throws(RuleTableError) -> Result {
        do throws(SystemCallError) {
            return try body()
        } catch {
            throw RuleTableError(place: path, reason: "cannot \(error.call): \(error.reason)")
        }
    }
}
