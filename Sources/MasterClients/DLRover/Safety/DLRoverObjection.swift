import Diagnosis

/// Why an envelope cannot become a report that a DLRover master survives.
struct DLRoverObjection: Error, Hashable {
    /// What becomes of the envelope.
    enum Consequence: Hashable {
        /// It is broken, or fits in no message: a dead letter.
        case refused
        /// It is sound, but this kind of master must not get it: passed over under this rule of the ledger.
        case skipped(rule: String)
    }

    let consequence: Consequence
    /// A sentence for an operator.
    let reason: String

    static func refused(_ reason: String) -> DLRoverObjection {
        DLRoverObjection(consequence: .refused, reason: reason)
    }

    /// Older than what the master keeps.
    static func stale(_ reason: String) -> DLRoverObjection {
        DLRoverObjection(consequence: .skipped(rule: "stale"), reason: reason)
    }

    /// From a time that has not come; milliseconds taken for seconds, too.
    static func future(_ reason: String) -> DLRoverObjection {
        DLRoverObjection(consequence: .skipped(rule: "future"), reason: reason)
    }

    /// A hang value that the master's detector would misread.
    static func hangValue(_ reason: String) -> DLRoverObjection {
        DLRoverObjection(consequence: .skipped(rule: "hang-value"), reason: reason)
    }

    /// A page without a hang line counts as a hang there.
    static let noHangLine = DLRoverObjection(
        consequence: .skipped(rule: "no-hang-line"),
        reason: "the page has no \(HangLine.name) line, which a DLRover master takes for a hang of the whole node")
}
