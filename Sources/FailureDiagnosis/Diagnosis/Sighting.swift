/// A hit with where and when it was seen.
struct Sighting: Sendable {
    /// How sure the time is.
    enum TimeSource: Hashable, Sendable {
        /// It stands in the line, or in an error file.
        case own
        /// It is that of the last line before that has one.
        case before
    }

    /// The rule's place in the table.
    var rule: Int
    var text: String
    var file: String?
    var offset: Int?
    var rank: Int?
    var time: Double?
    var timeSource = TimeSource.own
    /// Whether it comes from an error file or from the launcher's own account.
    var isStructured = false
    /// How many such lines there are.
    var count = 1
}
