package import ConsoleStore
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
package import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
package import SystemSupport
package import TransportSecurity

/// The console's page and its HTTP API, in plain text or over TLS.
package struct ConsoleServer: Service {
    private let store: ConsoleStore
    private let options: ConsoleOptions
    private let security: ServerSecurity?
    private let pass: TokenPass?
    private let logger: Logger
    private let onListening: @Sendable (_ address: String, _ port: Int) -> Void
    private let otherMetrics: @Sendable () -> String
    private let counts = ConsoleCounts()
    let connections = ConnectionCounter()
    let feed: EventFeed
    var files: PageFiles
    private let listening = WorkingPart("the console's page", .once)
    private let loops = WorkingPart("what answers over the network")

    /// - Parameters:
    ///   - store: stays open for as long as the server runs.
    ///   - security: what secures connections; `nil`: they are in plain text.
    ///   - onListening: called once it listens, with the address and the port that it has.
    ///   - otherMetrics: what else `/metrics` says, in Prometheus's text format.
    /// - Throws: ``ConsoleOptionsError``.
    package init(
        store: ConsoleStore, options: ConsoleOptions, security: ServerSecurity? = nil, logger: Logger,
        onListening: @escaping @Sendable (_ address: String, _ port: Int) -> Void = { _, _ in },
        otherMetrics: @escaping @Sendable () -> String = { "" }
    ) throws {
        try options.check()
        self.store = store
        self.options = options
        self.security = security
        pass = options.token.map {
            TokenPass(
                token: $0, session: SessionFile(path: store.directory + "/session").secret(for: $0),
                isSecure: security != nil)
        }
        self.logger = logger
        self.otherMetrics = otherMetrics
        self.onListening = onListening
        feed = EventFeed(most: options.limits.readers)
        files = .embedded
    }

    /// Serves until it is cancelled or shut down gracefully.
    package func run() async throws {
        let (limits, connections, onListening, listening) = (options.limits, connections, onListening, listening)
        let channel = HTTP1Channel.Configuration(
            additionalChannelHandlers: [ConnectionGuard(limits: limits, connections: connections)],
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes, maxHeaderFieldCount: 100)
        )
        let application = Application(
            router: router(), server: .secured(by: security, configuration: channel),
            configuration: ApplicationConfiguration(address: .hostname(options.host, port: options.port)),
            onServerRunning: { channel in
                onListening(channel.localAddress?.ipAddress ?? "", channel.localAddress?.port ?? 0)
                listening.turn()
            },
            logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.tellChanges() }
            group.addTask { try await self.watchLoops() }
            defer { group.cancelAll() }
            try await withGracefulShutdownHandler {
                do {
                    try await application.run()
                } catch let error as IOError {
                    throw PageAddressError(
                        host: options.host, port: options.port, reason: SystemCallError.text(error.errnoCode))
                } catch let error as SocketAddressError {
                    throw PageAddressError(host: options.host, port: options.port, reason: "\(error)")
                }
            } onGracefulShutdown: { [feed] in
                feed.close()
            }
        }
    }

    /// Tells readers of events what changed: at most once in a pause, at least once in a heartbeat.
    private func tellChanges() async throws {
        let clock = ContinuousClock()
        var (told, last): (UInt64, ContinuousClock.Instant?) = (0, nil)
        while !Task.isCancelled {
            let (change, now) = (store.change, clock.now)
            let pause = last.map { $0.duration(to: now) } ?? options.limits.heartbeat
            if pause >= options.limits.heartbeat || (change.number != told && pause >= options.limits.eventPause) {
                feed.publish(change.json(now: StoreRoutes.now, since: told))
                (told, last) = (change.number, now)
            }
            try? await Task.sleep(for: options.limits.eventPause / 4)
        }
    }

    /// Goes once a second through all of the process's event loops: they serve the page, and take the nodes' reports.
    private func watchLoops() async throws {
        while !Task.isCancelled {
            for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() { try await loop.submit {}.get() }
            loops.turn()
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router(options: .autoGenerateHeadEndpoints)
        router.add(
            middleware: Gatekeeper<BasicRequestContext>(
                hosts: WebHosts(host: options.host, names: options.names),
                pass: pass, limits: options.limits, counts: counts))
        router.get("/") { [files] request, _ in try files.response(to: request, path: "/") }
        router.get("/app/:name") { [files] request, context in
            try files.response(to: request, path: request.uri.path)
        }
        router.get("/healthz") { _, _ in health }
        router.get("/metrics") { _, _ in metrics }
        StoreRoutes(store: store, job: options.job).add(to: router)
        router.get("/api/v1/events") { [feed] request, _ in try feed.response(to: request) }
        return router
    }

    private var health: Response {
        let problem = store.counters.problem
        var response = Response.json(
            JSONText.object {
                $0.member("status", problem == nil ? "ok" : "unwell")
                if let problem { $0.member("reason", "the store cannot be written: \(problem)") }
            })
        if problem != nil { response.status = .serviceUnavailable }
        return response
    }

    private var metrics: Response {
        let metrics = ConsoleMetrics(
            store: store.counters, answers: counts.answers, connections: connections.now, readers: feed.readerCount)
        return .text(metrics.text + otherMetrics(), type: "text/plain; version=0.0.4; charset=utf-8")
    }
}

extension ConsoleServer: WorkingService {
    package var workingParts: [WorkingPart] { [listening, loops] }

    package func workSummary() async -> String? {
        if let problem = store.counters.problem { return "the store can't be written: \(problem)" }
        return "keeps what nodes report"
    }
}

/// Why the page can't be served at its address.
package struct PageAddressError: Error, CustomStringConvertible {
    package let description: String

    init(host: String, port: Int, reason: String) {
        description = "cannot listen at \(host):\(port): \(reason)"
    }
}
