private import Dispatch
private import Glibc
public import Logging
public import ServiceLifecycle
private import Synchronization
public import ZMQBridge

/// Runs services until one fails or the process is told to stop: the first SIGTERM, SIGINT or SIGHUP ends them in order, a second one the
/// process at once, with status 128 + the signal's number.
struct ProcessLifetime {
    /// What a graceful end may take beyond the services' own deadline, before it is cut short.
    private static let grace: Duration = .seconds(3)

    let deadline: Duration
    /// Whether to end, as a filter does, when the reader of standard output or of the log has gone.
    var endsWithItsReader = false
    let logger: Logger

    func run(_ services: [any Service]) async throws {
        Self.raiseDescriptorLimit()
        if !endsWithItsReader { signal(SIGPIPE, SIG_IGN) }
        var configuration = ServiceGroupConfiguration(
            services: services.map {
                // A tap that has seen enough ends the process; the others end only when told to, or throw.
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: $0, successTerminationBehavior: .gracefullyShutdownGroup)
            }, logger: quietLogger)
        configuration.maximumGracefulShutdownDuration = deadline + Self.grace
        let group = ServiceGroup(configuration: configuration)
        let limit = deadline + Self.grace + Self.grace
        let signals = Self.watchSignals { [logger] in
            logger.info("Stopping: collecting ends, and what is held is sent.")
            Self.endAtTheLatest(in: limit, logger: logger)
            // From a signal's handler there is no task to belong to.
            Task { await group.triggerGracefulShutdown() }
        }
        defer { for signal in signals { signal.cancel() } }
        try await group.run()
    }

    /// Service-lifecycle's own account of starting and stopping is of no use to an operator.
    private var quietLogger: Logger {
        var logger = logger
        logger.logLevel = max(logger.logLevel, .error)
        return logger
    }

    /// A thread that is blocked, in a write to a terminal or to a disk that hangs, can't be cancelled: then the process ends all the same.
    private static func endAtTheLatest(in limit: Duration, logger: Logger) {
        let milliseconds = Int(limit / .milliseconds(1))
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { @Sendable in
            logger.critical("Something is blocked and did not end in time; ending without it.")
            _exit(1)
        }
    }

    /// libzmq aborts the process when it runs out of descriptors, and every consumer takes some.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private static func watchSignals(_ stop: @escaping @Sendable () -> Void) -> [any DispatchSourceSignal] {
        // One serial queue for both, so that the count needs no lock.
        let queue = DispatchQueue(label: "arobust.signals")
        let count = SignalCount()
        return [SIGTERM, SIGINT, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { @Sendable in
                if count.next() > 1 { _exit(128 + number) }
                stop()
            }
            source.resume()
            return source
        }
    }
}

/// Counts the signals that asked the process to stop.
final class SignalCount: Sendable {
    private let count = Atomic(0)

    func next() -> Int {
        count.add(1, ordering: .relaxed).newValue
    }
}

/// Work that runs until its task is cancelled, as a service: shutdown cancels it.
struct CancelledService: Service {
    let work: @Sendable () async throws -> Void

    init(_ work: @escaping @Sendable () async throws -> Void) {
        self.work = work
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown(work)
    }
}

/// A publisher as a service: greets consumers and answers their requests until shutdown.
///
/// In a `ServiceGroup` it stands before the collectors that publish through it, so that it ends after them.
public struct PublisherService: Service {
    private let publisher: MetricPublisher
    private let logger: Logger

    public init(_ publisher: MetricPublisher, logger: Logger = Logger(label: "arobust")) {
        self.publisher = publisher
        self.logger = logger
    }

    public func run() async throws {
        logger.info(
            "Publishing.",
            metadata: [
                "state-dir": "\(publisher.directory.path)", "publisher": "\(publisher.id)",
                "epoch": "\(publisher.epoch)",
            ])
        try await CancelledService { try await publisher.run() }.run()
    }
}
