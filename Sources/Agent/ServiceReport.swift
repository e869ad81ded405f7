internal import Logging
internal import ServiceLifecycle
internal import SystemSupport

/// Tells the service manager how the process is: ready once all parts have begun, alive as long as all of them go on, and what it does.
///
/// It sends no sign of life of its own: that a timer still works says nothing about the rest. Each part makes a turn of its own, about once a
/// second (`WorkingPart`), and only when all of them have made one since the last sign is the next one sent. It is the last service, so that it
/// begins after the others, and says that the process stops before any of them does.
struct ServiceReport: Service {
    /// How often it looks: often until the service is ready, for others wait for that.
    private static let startPause: Duration = .milliseconds(20)
    private static let pause: Duration = .seconds(1)
    /// How often the status may change.
    private static let statusPause: Duration = .seconds(5)
    /// Signs of life within the time after which the manager ends the process: two may be late.
    private static let signs = 3

    private let socket: NotifySocket
    private let services: [any WorkingService]
    private let stopTime: Duration
    private let logger: Logger

    /// - Parameters:
    ///   - services: those of them that are a `WorkingService` count.
    ///   - stopTime: how long their end may take.
    init(to socket: NotifySocket, of services: [any Service], stopTime: Duration, logger: Logger) {
        self.socket = socket
        self.services = services.compactMap { $0 as? any WorkingService }
        self.stopTime = stopTime
        self.logger = logger
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { await reportUntilCancelled() }
        tell([.stopping(within: stopTime), .status("Stopping: collecting ends, and what is held is sent.")])
    }

    private func reportUntilCancelled() async {
        let allParts = services.flatMap(\.workingParts)
        var parts = WorkingParts(allParts)
        var isReady = false
        var told: String?
        var nextStatus = ContinuousClock.now
        var lastSign = ContinuousClock.now
        var isStanding = false
        while !Task.isCancelled {
            let now = ContinuousClock.now
            var news: [NotifySocket.News] = []
            let notBegun = isReady ? [] : parts.notBegun
            if !isReady, notBegun.isEmpty { news.append(.ready) }
            let standing = isReady ? parts.standing : []
            if let watchdog = socket.watchdog, isReady {
                if standing.isEmpty, now >= lastSign + watchdog / Self.signs { news.append(.alive) }
                if standing.isEmpty != !isStanding, standing.isEmpty || now >= lastSign + watchdog / 2 {
                    isStanding = !standing.isEmpty
                    logStanding(standing, watchdog)
                }
            }
            if now >= nextStatus || !news.isEmpty {
                let sentence = await sentence(notBegun: notBegun, standing: isStanding ? standing : [])
                if sentence != told { news.append(.status(sentence)) }
                if !news.isEmpty, tell(news) {
                    told = sentence
                    isReady = isReady || news.contains(.ready)
                    if news.contains(.alive) || news.contains(.ready) {
                        parts.look()
                        lastSign = now
                    }
                }
                nextStatus = now + (isReady ? Self.statusPause : Self.startPause)
            }
            let signPause = socket.watchdog.map { $0 / (4 * Self.signs) } ?? Self.pause
            try? await Task.sleep(for: isReady ? min(Self.pause, signPause) : Self.startPause)
        }
    }

    private func logStanding(_ standing: [String], _ watchdog: Duration) {
        if standing.isEmpty {
            logger.notice("All parts go on again; the service manager gets signs of life.")
        } else {
            logger.error(
                "A part stands still: the service manager gets no sign of life until it goes on, and then ends the process.",
                metadata: [
                    "standing": "\(standing.joined(separator: ", "))", "watchdog": "\(DurationText.write(watchdog))",
                ])
        }
    }

    private func sentence(notBegun: [String], standing: [String]) async -> String {
        if !notBegun.isEmpty { return "Starting: waiting for \(notBegun.joined(separator: ", "))." }
        if !standing.isEmpty { return "Stands still: \(standing.joined(separator: ", "))." }
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
