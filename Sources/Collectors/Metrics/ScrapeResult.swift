/// What came of a round of scraping, as a label of self-metrics.
enum ScrapeResult: String, CaseIterable, Sendable {
    /// A page with metrics and hang lines.
    case ok
    case empty
    case noHangLine = "no_hang_line"
    case unreachable
    case deadline
    case tooLarge = "too_large"
    case status
    case broken
}
