/// How a content was changed before a DLRover master got it, as the counts of `ReportOutcome.changed` name it.
enum ContentChange: String, Hashable, Sendable {
    /// A hang line's value or timestamp was rewritten, or a line that the detector would take for one was left out.
    case hangNormalised = "hang-normalised"
    /// Lines that the master's detector does not read were left out, as `slim` asks.
    case slimmed
    /// Lines were left out for the size.
    case trimmed
    /// It went in several reports.
    case split
    /// A line was too long for a report and lost its end.
    case lineCut = "line-cut"
}
