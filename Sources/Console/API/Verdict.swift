/// One thing that is wrong, or that all is well: what the page has on top, and in JSON an element of `others` of `GET /api/v1/overview`.
struct Verdict: Hashable, Sendable {
    enum Level: String, Hashable, Sendable {
        case ok, warning, critical
        /// Nobody has reported anything yet.
        case nothing
    }

    var level: Level
    /// A sentence.
    var text: String
    /// In seconds since 1970.
    var since: Double?
    /// A route of the page, `#/incidents/ID`.
    var link: String?
}
