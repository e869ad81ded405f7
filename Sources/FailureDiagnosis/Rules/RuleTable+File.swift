private import Glibc

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
