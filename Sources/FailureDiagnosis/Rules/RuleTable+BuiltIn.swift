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
