/// Whether there is an alarm, and which changes of that are still to be reported.
///
/// A report says that the alarm has begun or is over, never that its reason has changed. A page that comes and goes is reported of
/// once in an interval, and then as it is by then.
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
    /// What was reported last: an alarm, or its end. None is to be told that all is well from the beginning.
    private var isTold = false
    private var lastReport: ContinuousClock.Instant?
    private var isReporting = false

    init(interval: Duration) {
        self.interval = interval
    }

    /// Notes what a round came to.
    ///
    /// - Parameter problem: why the page is of no use; `nil` if it is.
    mutating func note(_ problem: String?, at time: Int64) {
        if (problem == nil) != (self.problem == nil) {
            changed = time
            since = problem == nil ? nil : time
        }
        self.problem = problem
    }

    /// Takes what is to be reported now, if anything. Until `finishReport` it is not given again.
    mutating func beginReport(now: ContinuousClock.Instant) -> Change? {
        guard !isReporting, isTold != (problem != nil) else { return nil }
        if let lastReport, lastReport.duration(to: now) < interval { return nil }
        isReporting = true
        return Change(problem: problem, timestamp: changed)
    }

    /// Notes how the report went. One that failed is due again at once.
    mutating func finishReport(_ change: Change, isAccepted: Bool, now: ContinuousClock.Instant) {
        isReporting = false
        guard isAccepted else { return }
        isTold = change.problem != nil
        lastReport = now
    }
}
