private import Dispatch
private import Glibc
public import Logging
public import ServiceLifecycle
private import Synchronization
package import SystemSupport
public import ZMQBridge

/// Runs services until one fails or the process is told to stop: the first SIGTERM, SIGINT or SIGHUP ends them in order, a second one the
/// process at once, with status 128 + the signal's number. A SIGHUP (`nohup`) or SIGINT (a script's background job) that was ignored when
/// the process started still is.
///
/// Nobody means a SIGHUP as "that is enough": a terminal was closed, or somebody wants the settings to be read again, which `reload` does. After
/// that of a terminal, and of any where there is no `reload`, the process ends as after any other and yet with status 129, and what watches it, as
/// systemd with `Restart=on-failure`, starts it again.
struct ProcessLifetime {
    /// The services' own deadline for their end.
    let deadline: Duration
    /// What the services together may take beyond that. After it they are cancelled, and after as long again the process ends without them.
    var grace: Duration = .seconds(3)
    /// Whether to end, as a filter does, when the reader of standard output or of the log has gone.
    var endsWithItsReader = false
    /// The signals that stop the process.
    var signals = [SIGTERM, SIGINT, SIGHUP]
    /// The one of them after which the process has not done what it should.
    var hangUp = SIGHUP
    /// Called for a hang-up that is no terminal's, in the place of an end: the settings are to be read again. `nil`: it is an end.
    var reload: (@Sendable () -> Void)?
    /// Ends the process on the spot with a status. A test puts something milder in its place.
    var exit: @Sendable (Int32) -> Void = { _exit($0) }
    let logger: Logger

    /// After a signal the process has ended by then, whatever hangs.
    var longestEnd: Duration { deadline + grace + grace }

    /// - Throws: what a service threw; `HangUpError` after a SIGHUP.
    func run(_ services: [any Service]) async throws {
        if !endsWithItsReader { signal(SIGPIPE, SIG_IGN) }
        // A file that may not grow further (ulimit -f) is an error like a full disk; by default the signal ends the process.
        signal(SIGXFSZ, SIG_IGN)
        let group = ServiceGroup(configuration: configuration(of: services))
        let (stops, stop) = AsyncStream<Void>.makeStream()
        let first = FirstSignal()
        let sources = await watchSignals(first) {
            logger.info("Stopping: collecting ends, and what is held is sent.")
            endAtTheLatest()
            stop.finish()
        }
        defer { for source in sources { source.cancel() } }
        try await withThrowingTaskGroup { tasks in
            tasks.addTask {
                for await _ in stops {}
                // The services may as well have ended by themselves.
                if !Task.isCancelled { await group.triggerGracefulShutdown() }
            }
            try await group.run()
            tasks.cancelAll()
        }
        if first.number == hangUp { throw HangUpError() }
    }

    private func configuration(of services: [any Service]) -> ServiceGroupConfiguration {
        // Service-lifecycle's own account of starting and stopping is of no use to an operator.
        var quietLogger = logger
        quietLogger.logLevel = max(logger.logLevel, .error)
        var configuration = ServiceGroupConfiguration(
            services: services.map {
                // A tap that has seen enough ends the process; the others end only when told to, or throw.
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: $0, successTerminationBehavior: .gracefullyShutdownGroup)
            }, logger: quietLogger)
        configuration.maximumGracefulShutdownDuration = deadline + grace
        return configuration
    }

    /// A thread that is blocked, in a write to a terminal or to a disk that hangs, can't be cancelled: then the process ends all the same.
    private func endAtTheLatest() {
        let milliseconds = Int(longestEnd / .milliseconds(1))
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { @Sendable in
            logger.critical("Something is blocked and did not end in time; ending without it.")
            exit(1)
        }
    }

    /// Returns when a signal can no longer be missed. Until then it does what it would in any program: ends the process.
    ///
    /// - Parameter stop: called once, on a thread of Dispatch, with the first signal.
    private func watchSignals(
        _ first: FirstSignal, _ stop: @escaping @Sendable () -> Void
    ) async -> [any DispatchSourceSignal] {
        let queue = DispatchQueue(label: "arobust.signals")
        let terminal = ControllingTerminal()
        var sources: [any DispatchSourceSignal] = []
        // `nohup` starts a program with SIGHUP ignored, and a shell the background jobs of a script with SIGINT ignored: so they stay, or
        // Ctrl-C on the script would end them. SIGTERM is obeyed whatever the parent did with its own signals.
        for number in signals where number == SIGTERM || !Self.isIgnored(number) {
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { @Sendable in
                if number == hangUp, let reload, !terminal.isGone {
                    // A process that ends needs no settings.
                    if first.number == 0 { reload() }
                    return
                }
                if first.record(number) { stop() } else { exit(128 + number) }
            }
            await withCheckedContinuation { continuation in
                // On Linux, Dispatch installs a handler with sigaction(2), which also takes the place of an inherited SIG_IGN.
                source.setRegistrationHandler { @Sendable in continuation.resume() }
                source.resume()
            }
            sources.append(source)
        }
        return sources
    }

    /// Whether the process was started with the signal ignored.
    private static func isIgnored(_ signal: CInt) -> Bool {
        var action = sigaction()
        guard sigaction(signal, nil, &action) == 0 else { return false }
        // Pointers to C functions can't be compared in Swift; SIG_IGN is the address 1.
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// Which signal came first, shared by the handlers of all of them.
    private final class FirstSignal: Sendable {
        private let first = Atomic<CInt>(0)

        /// 0 until one has come.
        var number: CInt { first.load(ordering: .relaxed) }

        /// Whether this was the first.
        func record(_ number: CInt) -> Bool {
            first.compareExchange(expected: 0, desired: number, ordering: .relaxed).exchanged
        }
    }
}

/// The process was hung up on, and has ended in good order.
package struct HangUpError: Error, Hashable, CustomStringConvertible {
    /// As a shell reports a program that the signal ended.
    package static let status = 128 + SIGHUP

    package var description: String {
        "SIGHUP ended it. To let it outlive its terminal, start it with nohup or as a service."
    }
}

/// Work that runs until its task is cancelled, as a service: shutdown cancels it.
package struct CancelledService: Service, WorkingService {
    /// Says in tests which service it is.
    let name: String
    package let workingParts: [WorkingPart]
    let work: @Sendable () async throws -> Void

    package init(
        _ name: String, parts: [WorkingPart] = [], _ work: @escaping @Sendable () async throws -> Void
    ) {
        self.name = name
        workingParts = parts
        self.work = work
    }

    package func workSummary() async -> String? { nil }

    package func run() async throws {
        try await cancelWhenGracefulShutdown(work)
    }
}

/// A publisher as a service: greets consumers and answers their requests until shutdown.
///
/// In a `ServiceGroup` it stands before the collectors that publish through it, so that it ends after them.
public struct PublisherService: Service {
    private let publisher: MetricPublisher
    private let logger: Logger

    /// Runs this publisher; `logger` is told its id and epoch at the start.
    public init(_ publisher: MetricPublisher, logger: Logger = Logger(label: "arobust")) {
        self.publisher = publisher
        self.logger = logger
    }

    /// Serves until graceful shutdown or cancellation. May be called once.
    public func run() async throws {
        logger.info(
            "Publishing.",
            metadata: [
                "state-dir": "\(publisher.directory.path)", "publisher": "\(publisher.id)",
                "epoch": "\(publisher.epoch)",
            ])
        try await cancelWhenGracefulShutdown { try await publisher.run() }
    }
}

extension PublisherService: WorkingService {
    package var workingParts: [WorkingPart] { publisher.workingParts }

    package func workSummary() async -> String? {
        publisher.problemText ?? "publishes from \(publisher.directory.path)"
    }
}
