package import ConsoleStore
internal import HTTPTypes
internal import Hummingbird
package import Logging
internal import ServiceLifecycle
internal import NIOCore
internal import NIOPosix
package import SystemSupport
internal import Telemetry
package import TransportSecurity
internal import WebServing

/// The console's page and its HTTP API, in plain text or over TLS.
package struct ConsoleServer: Service {
    private let store: ConsoleStore
    private let options: ConsoleOptions
    private let security: ServerSecurity?
    private let pass: TokenPass?
    private let logger: Logger
    private let onListening: @Sendable (_ address: String, _ port: Int) -> Void
    private let otherMetrics: @Sendable () -> String
    private let counts = AnswerCounts()
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
        let server = WebServer(
            at: .tcp(host: options.host, port: options.port), router: router(), limits: options.limits.web,
            security: security, connections: connections, logger: logger
        ) { [onListening, listening] place in
            if case .tcp(let host, let port) = place { onListening(host, port) }
            listening.turn()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.tellChanges() }
            group.addTask { try await self.watchLoops() }
            defer { group.cancelAll() }
            try await withGracefulShutdownHandler {
                try await server.run()
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
                words: .init(
                    name: "this console", hostAdvice: "use localhost or its address, or start it with --web-host NAME",
                    pathAdvice: "the API's paths begin with /api/v1/"),
                hosts: WebHosts(host: options.host, names: options.names), limits: options.limits.web, counts: counts,
                admit: { [pass] in try pass?.admit($0) },
                explain: { error in
                    (error as? ConsoleStoreError).map {
                        Refusal($0.kind == .question ? .badRequest : .serviceUnavailable, $0.description)
                    }
                }))
        router.get("/") { [files] request, _ in try files.response(to: request, path: "/") }
        router.get("/app/:name") { [files] request, context in
            try files.response(to: request, path: request.uri.path)
        }
        router.get("/healthz") { _, _ in health }
        router.get("/metrics") { request, _ in metrics(as: MetricsForm(accept: request.headers[.accept])) }
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

    private func metrics(as form: MetricsForm) -> Response {
        let metrics = ConsoleMetrics(
            store: store.counters, answers: counts.answers,
            connections: (connections.now.open, connections.now.refused), readers: feed.readerCount)
        return .text(form.text(of: metrics.text + otherMetrics()), type: form.contentType)
    }
}

extension ConsoleServer: WorkingService {
    package var workingParts: [WorkingPart] { [listening, loops] }

    package func workSummary() async -> String? {
        if let problem = store.counters.problem { return "the store can't be written: \(problem)" }
        return "keeps what nodes report"
    }
}
