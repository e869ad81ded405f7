private import Dispatch
private import Glibc
internal import Logging
internal import ServiceLifecycle

/// Runs services until one fails or the process is told to stop: the first SIGTERM or SIGINT ends them in order, a second one the
/// process at once, with status 128 + the signal's number.
struct ProcessLifetime {
    /// What a graceful end may take beyond the services' own deadline, before it is cut short.
    private static let grace: Duration = .seconds(3)

    let deadline: Duration
    let logger: Logger

    func run(_ services: [any Service]) async throws {
        var configuration = ServiceGroupConfiguration(
            services: services.map {
                // A tap that has seen enough ends the process; the others end only when told to, or throw.
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: $0, successTerminationBehavior: .gracefullyShutdownGroup)
            }, logger: quietLogger)
        configuration.maximumGracefulShutdownDuration = deadline + Self.grace
        let group = ServiceGroup(configuration: configuration)
        let signals = Self.watchSignals { [logger] in
            logger.info("Stopping: collecting ends, and what is held is sent.")
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

    private static func watchSignals(_ stop: @escaping @Sendable () -> Void) -> [any DispatchSourceSignal] {
        // One serial queue for both, so that the count needs no lock.
        let queue = DispatchQueue(label: "arobust.signals")
        let count = SignalCount()
        return [SIGTERM, SIGINT].map { number in
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
