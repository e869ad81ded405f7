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

    /// Tells the failure that began with it from others: the line and where it stands. A log that is written anew in each attempt may
    /// have the same line in the same place, so the restarts count too.
    func signature(in failure: TrainingFailure) -> String {
        let parts = [
            file, offset.map(String.init), rank.map(String.init), time.map { "\($0)" }, "\(failure.restartCount)",
        ]
        return parts.map { $0 ?? "-" }.joined(separator: "|") + "|" + text.prefix(200)
    }
}
