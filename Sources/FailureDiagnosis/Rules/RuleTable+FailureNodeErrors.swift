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
