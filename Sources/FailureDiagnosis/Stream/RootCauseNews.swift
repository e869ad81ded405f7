/// A line of a followed log that may name a root cause, and is to be told.
struct RootCauseNews {
    let rule: Rule
    let text: String
    /// How many lines of the rule were not told since the last one that was.
    let suppressed: Int
}
