/// When a changed setting takes effect in a process that runs.
enum ChangeEffect: Hashable, Sendable {
    /// With the reload.
    case atOnce
    /// With the next start, and why, as it follows "since".
    case restart(String)

    /// Those that a part of the process can take while it runs, by the beginning of their keys.
    private static let hot = [
        "log-level", "publisher.authorized-keys", "publisher.consumers", "journal.size", "journal.max-age",
        "journal.lane-reserve",
        "journal.segment-size", "logs.", "progress.", "metrics.", "stacks.", "flight-recorder.", "ras.", "events.",
        "diagnosis.", "incidents.", "job-uid", "delivery.",
    ]

    /// Why the others can't, by the beginning of their keys.
    private static let reasons = [
        ("state-dir", "its lock, its journal and its sockets are open"),
        ("consumers-dir", "the ledgers of the masters are open there"),
        ("connect", "all masters read from the publishers that were named at the start"),
        ("node.", "all that a run publishes comes from one node"),
        ("listen", "its sockets are open, and DLRover's clients are connected"),
        ("http.", "its socket is open, and who may ask is settled"),
        ("telemetry.", "the series have their labels and their file"),
        ("publisher.", "the bus's sockets were made with it"),
        ("journal.durability", "the journal was opened with it"),
        ("redact", "what a run publishes goes through the rules that it began with"),
        ("log-format", "the log was begun in one format"),
        ("shutdown-deadline", "the end of the process is arranged at its start"),
        ("parent-pid", "it is about who has started the process"),
    ]

    /// One that is in neither list is read at the start alone, until somebody teaches a part to take it.
    init(of key: String) {
        if Self.hot.contains(where: { key.hasPrefix($0) }) {
            self = .atOnce
        } else {
            let reason = Self.reasons.first { key.hasPrefix($0.0) }?.1
            self = .restart(reason ?? "it is read only at the start")
        }
    }
}
