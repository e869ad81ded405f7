internal import Diagnosis

/// Why a scrape gave no metrics, or not those that matter.
enum ScrapeFailure: Error, Equatable, CustomStringConvertible {
    /// Nobody listens there, or the host cannot be reached.
    case unreachable(String)
    /// Connecting, asking and reading took longer than allowed.
    case deadline(Duration)
    /// The body is larger than allowed, in bytes.
    case tooLarge(limit: Int)
    /// Any status but 200, redirects among them.
    case status(Int)
    /// The connection broke, or what came was no HTTP.
    case broken(String)
    /// No metric was left after the filter.
    case empty
    /// There are metrics, but no hang lines, or one that can't be read. The page is reported all the same.
    case noHangLine

    /// Failures of the same kind are one problem in the log.
    var kind: String {
        if case .status(let status) = self { "status \(status)" } else { result.rawValue }
    }

    var result: ScrapeResult {
        switch self {
        case .unreachable: .unreachable
        case .deadline: .deadline
        case .tooLarge: .tooLarge
        case .status: .status
        case .broken: .broken
        case .empty: .empty
        case .noHangLine: .noHangLine
        }
    }

    /// The log message.
    func title(isXPUTimer: Bool) -> String {
        switch self {
        case .noHangLine: "XPU timer metrics can't be used for hang detection."
        default: "\(isXPUTimer ? "XPU timer metrics" : "Metrics") cannot be scraped."
        }
    }

    /// The text of an alarm: whose page it is, and what is wrong.
    func sentence(url: MetricURL, isXPUTimer: Bool = true) -> String {
        switch self {
        case .noHangLine: "XPU timer metrics of \(url) can't be used for hang detection: \(self)"
        default: "\(isXPUTimer ? "XPU timer metrics" : "Metrics") of \(url) cannot be scraped: \(self)"
        }
    }

    var description: String {
        switch self {
        case .unreachable(let reason): "nothing answers there: \(reason)"
        case .deadline(let limit): "the page did not come within \(limit)"
        case .tooLarge(let limit): "the page is larger than the limit of \(limit) bytes"
        case .status(let status): "the answer has status \(status); only 200 is taken, and no redirect is followed"
        case .broken(let reason): "the answer broke off: \(reason)"
        case .empty: "the page has no metric after the filter"
        case .noHangLine:
            "the page has no \(HangLine.name) lines, or not all are 0 or 1; a DLRover master would take it for a hang, or miss one, "
                + "so it is not sent there"
        }
    }
}

/// Whether there is an alarm, and which changes of that are still to be reported.
///
/// A report says that the alarm has begun or is over, never that its reason has changed. A page that comes and goes is reported once in an
/// interval, with its state at that time.
struct ScrapeAlarm {
    /// A change that is to be reported.
    struct Change: Equatable {
        /// Why there is an alarm; `nil`: it is over.
        let problem: String?
        /// When it changed, in seconds since 1970.
        let timestamp: Int64
    }

    /// The least time between two reports.
    let interval: Duration
    /// When the alarm that lasts began, in seconds since 1970.
    private(set) var since: Int64?
    private var problem: String?
    private var changed: Int64 = 0
    /// Whether the last report was of an alarm. If all is well from the start, nothing is reported.
    private var isReported = false
    private var lastReport: ContinuousClock.Instant?
    private var isReporting = false

    init(interval: Duration) {
        self.interval = interval
    }

    /// Notes the outcome of a round.
    ///
    /// - Parameter problem: why the page is of no use; `nil` if it is.
    mutating func update(_ problem: String?, at time: Int64) {
        if (problem == nil) != (self.problem == nil) {
            changed = time
            since = problem == nil ? nil : time
        }
        self.problem = problem
    }

    /// What is to be reported now, if anything. It is not given again until `finishReport`.
    mutating func beginReport(now: ContinuousClock.Instant) -> Change? {
        guard !isReporting, isReported != (problem != nil) else { return nil }
        if let lastReport, lastReport.duration(to: now) < interval { return nil }
        isReporting = true
        return Change(problem: problem, timestamp: changed)
    }

    /// Notes how the report went. One that failed is due again at once.
    mutating func finishReport(_ change: Change, isAccepted: Bool, now: ContinuousClock.Instant) {
        isReporting = false
        guard isAccepted else { return }
        isReported = change.problem != nil
        lastReport = now
    }
}
