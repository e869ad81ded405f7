internal import Logging
private import Synchronization
private import SystemSupport

/// Gives every place that logs a budget, so that a peer that causes lines without end gets a few of them into the log, and a count.
///
/// A place is a line of the source, a level, and the master that the logger is for: a master that is in trouble takes nothing from another.
/// What is logged for debugging has no limit.
struct BudgetedLogHandler: LogHandler {
    private var handler: any LogHandler
    private let budget: LogBudget

    init(_ handler: any LogHandler, budget: LogBudget) {
        self.handler = handler
        self.budget = budget
    }

    var logLevel: Logger.Level {
        get { handler.logLevel }
        set { handler.logLevel = newValue }
    }

    var metadata: Logger.Metadata {
        get { handler.metadata }
        set { handler.metadata = newValue }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { handler.metadataProvider }
        set { handler.metadataProvider = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { handler[metadataKey: key] }
        set { handler[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) {
        guard event.level >= .info else { return handler.log(event: event) }
        let master = handler[metadataKey: "master"] ?? handler[metadataKey: "for"]
        let site = LogSite(
            file: event.file, line: event.line, level: event.level, master: master.map { "\($0)" })
        let (decision, silences) = budget.decide(site, event.message)
        for silence in silences { handler.log(event: silence.event) }
        guard case .logged(let held) = decision else { return }
        var event = event
        if held > 0 { event.message = "\(event.message) (\(held) more like it were held back)" }
        handler.log(event: event)
    }
}

/// Where in the source a line comes from, and on whose behalf.
struct LogSite: Hashable {
    var file: String
    var line: UInt
    var level: Logger.Level
    var master: String?
}

/// The budgets of all places, shared by all copies of a logger.
final class LogBudget: Sendable {
    private let state = Mutex(LineBudget<LogSite>())
    private let now: @Sendable () -> ContinuousClock.Instant

    init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.now = now
    }

    fileprivate func decide(
        _ site: LogSite, _ message: Logger.Message
    ) -> (LineBudget<LogSite>.Decision, [LineBudget<LogSite>.Silence]) {
        let now = now()
        return state.withLock { state in
            let decision = state.decide(site, message.description, now: now)
            return (decision, state.takeSilences(now: now))
        }
    }

    /// Says what is held back and was not told yet: at the end of the program.
    func tellRest(to handler: any LogHandler) {
        let silences = state.withLock { $0.takeSilences(now: now(), isLast: true) }
        for silence in silences { handler.log(event: silence.event) }
    }
}

extension LineBudget<LogSite>.Silence {
    fileprivate var event: LogEvent {
        LogEvent(
            level: site.level, message: "\(held) more lines were held back that are like this one: \(example)",
            metadata: site.master.map { ["master": "\($0)"] }, source: nil, file: site.file, function: "",
            line: site.line)
    }
}
