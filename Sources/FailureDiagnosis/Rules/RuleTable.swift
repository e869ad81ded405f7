private import Glibc

/// All rules that hold, and the texts that keep a line from every rule.
public struct RuleTable: Sendable {
    /// In the table's order; of two rules that say equally much about a line the earlier wins.
    public private(set) var rules: [Rule] = []
    /// A line with one of these texts is no rule's: advice, and what arobust itself writes.
    public private(set) var exclusions: [String] = []
    private var indexes: [String: Int] = [:]

    /// A table without rules.
    public init() {}

    /// The rule with this id.
    public subscript(id: String) -> Rule? {
        indexes[id].map { rules[$0] }
    }

    /// Adds a rule, or puts it in the place of the one with the same id.
    public mutating func add(_ rule: Rule) {
        if let index = indexes[rule.id] {
            rules[index] = rule
        } else {
            indexes[rule.id] = rules.count
            rules.append(rule)
        }
    }

    /// - Returns: whether there was such a rule.
    @discardableResult
    public mutating func remove(id: String) -> Bool {
        guard let index = indexes[id] else { return false }
        rules.remove(at: index)
        indexes = Dictionary(uniqueKeysWithValues: rules.enumerated().map { ($1.id, $0) })
        return true
    }

    /// Adds a text that keeps a line from every rule.
    public mutating func exclude(_ text: String) {
        if !exclusions.contains(text) { exclusions.append(text) }
    }
}

extension RuleTable {
    /// The rules that come with this library: `Resources/rules.yaml`, compiled in.
    public static let builtIn: RuleTable = {
        do {
            return try RuleTable(
                yaml: String(decoding: PackageResources.rules_yaml, as: UTF8.self), name: "built-in rules.yaml")
        } catch {
            // A test reads the file, so nobody who builds this gets here.
            fatalError("\(error)")
        }
    }()
}

extension RuleTable {
    /// A table of the rules in a YAML text.
    ///
    /// - Parameter name: the text's name, for errors.
    public init(yaml: String, name: String) throws(RuleTableError) {
        self.init()
        try apply(yaml: yaml, name: name)
    }

    /// Adds, changes and takes out the rules that a YAML text says: a known id changes the keys that the text gives.
    ///
    /// - Throws: `RuleTableError` with file, line and what is allowed; the table is then as before.
    public mutating func apply(yaml: String, name: String) throws(RuleTableError) {
        var changed = self
        try RuleFile(text: yaml, name: name).read(into: &changed)
        self = changed
    }

    /// Adds, changes and takes out the rules that a YAML file says.
    public mutating func apply(file path: String) throws(RuleTableError) {
        guard let bytes = WholeFile.read(path, limit: 16 << 20) else {
            throw RuleTableError(place: path, reason: "the file cannot be read: \(String(cString: strerror(errno)))")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw RuleTableError(place: path, reason: "the file is not UTF-8")
        }
        try apply(yaml: text, name: path)
    }
}

extension RuleTable {
    /// Adds the errors that DLRover's `FAILURE_NODE_ERRORS` names: a line with one of them means that the node has failed.
    ///
    /// - Parameter value: texts in number signs, `#error code is 12345# error code is 23456#`. As in DLRover, spaces around a text
    ///   don't count, case does, and a line that itself has a number sign is not looked at (it would be the setting, logged).
    /// - Returns: how many there are. DLRover's launcher ignores a value that does not begin and end with `#`; so does this.
    @discardableResult
    public mutating func addFailureNodeErrors(_ value: String) -> Int {
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
            rule.place = "environment variable FAILURE_NODE_ERRORS"
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

/// A rule file that cannot be used.
public struct RuleTableError: Error, Hashable, CustomStringConvertible {
    /// The file and line.
    public let place: String
    /// What is wrong, and what is allowed.
    public let reason: String

    public var description: String { "\(place): \(reason)" }
}
