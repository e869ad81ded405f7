import Diagnosis

/// What a DLRover master's code raised over a report: gRPC's UNKNOWN and HTTP's 500 have its text.
struct MasterException {
    private let text: String

    init(_ text: some StringProtocol) {
        self.text = String(text)
    }

    /// What Python says when `has_expired` (`dlrover/python/util/time_util.py`) can't make a time of a timestamp: milliseconds, a text,
    /// NaN. A report of ours has none such, so it is one that the master has stored before, and looks at with each report of the type.
    private static let timeErrors = [
        "is out of range", "year must be in", "out of range for platform time_t", "date value out of range",
        "Invalid value NaN", "cannot be interpreted as an integer", "an integer is required", "cannot convert float",
        "Value too large for defined data type", "Invalid argument", "must be real number",
    ]

    func error(master: String) -> ReportError {
        guard Self.timeErrors.contains(where: text.contains) else {
            return ReportError(code: .refused, message: "\(master) refused the report: \(text)")
        }
        return ReportError(
            code: .refused,
            message:
                "\(master) is poisoned for this data type: somebody has sent it a timestamp that is not whole seconds, "
                + "and it answers so to every report of the type until it restarts: \(text)",
            rule: .poisoned)
    }
}
