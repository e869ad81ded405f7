/// Why a text is no regular expression.
struct LinePatternError: Error, Hashable {
    let reason: String
}
