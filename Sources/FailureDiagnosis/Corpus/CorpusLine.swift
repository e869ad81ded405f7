/// Lines that a rule must match, and lines much like them that it must not.
struct CorpusLine: Sendable {
    var rule: String
    var matches: [String]
    var nearMisses: [String]
    var place: String
}
