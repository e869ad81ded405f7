package import CoreMetrics
package import Logging
private import Synchronization
internal import SystemSupport

/// Counts the connections that the server closes by itself, and tells of them in the log: the first of each kind at once, then at most one
/// line a minute.
package final class ConnectionReport: Sendable {
    /// Why a connection was closed.
    enum Reason: String, CaseIterable, Sendable {
        /// There were as many as there may be.
        case full
        /// The client did not speak HTTP in time.
        case silent
        /// The client may not call.
        case stranger
        /// The client sent too much that is of no use.
        case flood
        /// The client did not read what it was answered.
        case unread
        /// A web page in a browser may have made the request.
        case browser

        fileprivate var sentence: String {
            switch self {
            case .full: "Connections were closed: there are as many as may be."
            case .silent: "Connections were closed whose clients said nothing."
            case .stranger: "Calls were refused: the program runs as a user that may not call."
            case .flood: "Connections were closed whose clients sent too much that says nothing."
            case .unread: "Connections were closed whose clients did not read their answers."
            case .browser: "Calls were refused that a web page in a browser may have made."
            }
        }
    }

    private let logger: Logger
    private let counters: [Reason: Counter]
    private let quiet: Mutex<[Reason: QuietCounter]>

    package init(factory: any MetricsFactory, logger: Logger, quietTime: Duration = .seconds(60)) {
        self.logger = logger
        counters = Dictionary(
            uniqueKeysWithValues: Reason.allCases.map { reason in
                let dimensions = [("reason", reason.rawValue)]
                return (
                    reason,
                    Counter(label: "arobust_listener_closed_total", dimensions: dimensions, factory: factory)
                )
            })
        quiet = Mutex(
            Dictionary(uniqueKeysWithValues: Reason.allCases.map { ($0, QuietCounter(quietTime: quietTime)) }))
    }

    /// - Parameter detail: what else the log should say.
    func record(_ reason: Reason, detail: String? = nil, now: ContinuousClock.Instant = .now) {
        counters[reason]?.increment()
        let due: Int? = quiet.withLock { quiet in
            quiet[reason]?.count(1)
            return quiet[reason]?.due(now: now)
        }
        guard let due else { return }
        var metadata: Logger.Metadata = ["connections": "\(due)"]
        if let detail { metadata["reason"] = "\(detail)" }
        logger.warning("\(reason.sentence)", metadata: metadata)
    }
}
