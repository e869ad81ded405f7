internal import Logging
internal import ServiceLifecycle
internal import SystemSupport

/// Tells the service manager how the process is: ready once all parts have begun, alive as long as all of them go on, and what it does.
///
/// It sends no sign of life of its own: that a timer still works says nothing about the rest. Each part makes a turn of its own, about once a
/// second (`WorkingPart`), and only when all of them have made one since the last sign is the next one sent. It is the last service, so that it
/// begins after the others, and says that the process stops before any of them does.
struct ServiceReport: Service {
    /// How often it looks until the service is ready, since others wait for that, and afterwards.
    private static let startPause: Duration = .milliseconds(20)
    private static let pause: Duration = .seconds(1)
    /// How often the status may change.
    private static let statusPause: Duration = .seconds(5)
    /// Signs of life within the time after which the manager ends the process: two may be late.
    private static let signs = 3

    /// What the manager knows, and when it is to be told more.
    private struct Progress {
        var parts: WorkingParts
        var isReady = false
        /// Those that have stood still for half of the watchdog's time.
        var standing: [String] = []
        var lastSign = ContinuousClock.now
        var told: String?
        var nextStatus = ContinuousClock.now
    }

    private let socket: NotifySocket
    private let services: [any WorkingService]
    private let stopTime: Duration
    private let whenReady: @Sendable () -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - services: those of them that are a `WorkingService` count.
    ///   - stopTime: how long their end may take.
    ///   - whenReady: called once the manager knows that the service is ready.
    init(
        to socket: NotifySocket, of services: [any Service], stopTime: Duration,
        whenReady: @escaping @Sendable () -> Void = {}, logger: Logger
    ) {
        self.socket = socket
        self.services = services.compactMap { $0 as? any WorkingService }
        self.stopTime = stopTime
        self.whenReady = whenReady
        self.logger = logger
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { await reportUntilCancelled() }
        tell([.stopping(within: stopTime), .status("Stopping: collecting ends, and what is held is sent.")])
    }

    private func reportUntilCancelled() async {
        var progress = Progress(parts: WorkingParts(services.flatMap(\.workingParts)))
        while !Task.isCancelled {
            await look(&progress)
            let signPause = socket.watchdog.map { $0 / (4 * Self.signs) } ?? Self.pause
            try? await Task.sleep(for: progress.isReady ? min(Self.pause, signPause) : Self.startPause)
        }
    }

    /// Looks at the parts, and tells what is new.
    private func look(_ progress: inout Progress) async {
        let now = ContinuousClock.now
        var news = progress.isReady ? signs(&progress, now: now) : progress.parts.notBegun.isEmpty ? [.ready] : []
        guard now >= progress.nextStatus || !news.isEmpty else { return }
        progress.nextStatus = now + (progress.isReady ? Self.statusPause : Self.startPause)
        let sentence = await sentence(progress)
        if sentence != progress.told { news.append(.status(sentence)) }
        guard !news.isEmpty, tell(news) else { return }
        progress.told = sentence
        guard news.contains(.ready) || news.contains(.alive) else { return }
        if !progress.isReady { whenReady() }
        progress.isReady = true
        progress.parts.look()
        progress.lastSign = now
    }

    /// A sign of life, if one is wanted and due, and all parts go on.
    private func signs(_ progress: inout Progress, now: ContinuousClock.Instant) -> [NotifySocket.News] {
        guard let watchdog = socket.watchdog else { return [] }
        let standing = progress.parts.standing
        if standing.isEmpty != progress.standing.isEmpty, standing.isEmpty || now >= progress.lastSign + watchdog / 2 {
            progress.standing = standing
            logStanding(standing, watchdog)
        }
        return standing.isEmpty && now >= progress.lastSign + watchdog / Self.signs ? [.alive] : []
    }

    private func logStanding(_ standing: [String], _ watchdog: Duration) {
        if standing.isEmpty {
            logger.notice("All parts go on again; the service manager gets signs of life.")
        } else {
            logger.error(
                "A part stands still. Unless it goes on in time, the service manager ends the process.",
                metadata: [
                    "standing": "\(standing.joined(separator: ", "))", "watchdog": "\(DurationText.write(watchdog))",
                ])
        }
    }

    private func sentence(_ progress: Progress) async -> String {
        let notBegun = progress.parts.notBegun
        guard notBegun.isEmpty else { return "Starting: waiting for \(notBegun.joined(separator: ", "))." }
        guard progress.standing.isEmpty else { return "Stands still: \(progress.standing.joined(separator: ", "))." }
        var summaries: [String] = []
        for service in services {
            if let summary = await service.workSummary() { summaries.append(summary) }
        }
        let text = summaries.isEmpty ? "works" : summaries.joined(separator: "; ")
        return text.prefix(1).uppercased() + text.dropFirst() + "."
    }

    /// Whether the manager has been told. If not, it is tried again with the next look.
    @discardableResult
    private func tell(_ news: [NotifySocket.News]) -> Bool {
        do throws(SystemCallError) {
            try socket.tell(news)
            return true
        } catch {
            logger.debug("The service manager could not be told.", metadata: ["error": "\(error)"])
            return false
        }
    }
}
