internal import Hummingbird
internal import Inspection
package import Logging
internal import ServiceLifecycle
private import Synchronization
internal import SystemSupport
internal import Telemetry
package import TransportSecurity
package import WebServing

/// Shows how a process is: `/metrics` for Prometheus, `/healthz` and `/readyz` for who looks after it, `/status` for programs.
///
/// What it costs is bounded, whoever calls: connections, time and bytes by `WebLimits`, and the state is found out at most once a second.
/// Nothing of the process's own work waits for it.
package final class MonitorServer: Service {
    /// A search for the state that takes longer means that a disk or a thread hangs.
    static let longestSearch = Duration.seconds(30)
    /// How long a caller waits for a new state.
    private static let patience = Duration.seconds(5)

    private let address: MonitorAddress
    private let token: BearerToken?
    private let security: ServerSecurity?
    private let process: MonitoredProcess
    private let limits: WebLimits
    private let logger: Logger
    private let board: StateBoard
    private let counts = AnswerCounts()
    let connections = ConnectionCounter()
    private let ending = Atomic<Bool>(false)
    private let onListening: @Sendable (String) -> Void

    /// - Parameters:
    ///   - token: what callers must bring, but for `/healthz` and `/readyz`.
    ///   - security: what secures connections to an address; `nil`: they are in plain text.
    ///   - onListening: called once with the address, with the port that it has.
    package init(
        at address: MonitorAddress, token: String?, security: ServerSecurity? = nil, process: MonitoredProcess,
        limits: WebLimits? = nil, logger: Logger, onListening: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.address = address
        self.token = token.map { BearerToken($0) }
        self.security = security
        self.process = process
        self.limits = limits ?? Self.usualLimits
        self.logger = logger
        self.onListening = onListening
        board = StateBoard(process.state)
    }

    /// For programs of the same machine, which all have one address: who asks gets a place before who only holds one.
    package static var usualLimits: WebLimits {
        var limits = WebLimits()
        limits.targetBytes = 1024
        limits.headerBytes = 8 * 1024
        limits.connections = 32
        limits.connectionsOfAClient = 32
        limits.replacesWaiting = true
        limits.firstRequest = .seconds(5)
        limits.stalled = .seconds(10)
        limits.end = .milliseconds(500)
        return limits
    }

    /// Serves until it is cancelled or shut down gracefully.
    package func run() async throws {
        let server = WebServer(
            at: address.place, router: router, limits: limits, security: security, connections: connections,
            logger: logger
        ) { [security, logger, onListening] place in
            let text = (security == nil ? "" : "https://") + MonitorAddress.text(place)
            logger.notice("Metrics and health are shown over HTTP.", metadata: ["at": "\(text)"])
            onListening(text)
        }
        // Not a part of this task: a look at a disk that hangs must not hold up the process's end.
        let search = Task { [board] in await board.run() }
        defer { search.cancel() }
        try await server.run()
    }

    /// From now on the process is not ready.
    package func recordEnd() { ending.store(true, ordering: .relaxed) }

    private var router: Router<BasicRequestContext> {
        let router = Router(options: .autoGenerateHeadEndpoints)
        let isOpen = !address.isBeyondLoopback && address.path == nil
        router.add(
            middleware: Gatekeeper<BasicRequestContext>(
                words: .init(
                    name: "this server", hostAdvice: "use localhost or its address",
                    pathAdvice: "there are /metrics, /healthz, /readyz and /status"),
                // A browser can't be led to a Unix socket, nor does it bring a token.
                hosts: isOpen ? WebHosts(host: address.network?.host ?? "", names: []) : .all,
                limits: limits, counts: counts, admit: { [token] in try Self.admit($0, token) }))
        router.get("/") { _, _ in
            Response.text("arobust: /metrics for Prometheus, /healthz, /readyz, /status\n")
        }
        router.get("/healthz") { [weak self] _, _ in self?.health ?? Self.gone }
        router.get("/readyz") { [weak self] request, _ in await self?.readiness(of: request) ?? Self.gone }
        router.get("/status") { [weak self] _, _ in try await self?.status() ?? Self.gone }
        router.get("/metrics") { [weak self] request, _ in
            await self?.metrics(as: MetricsForm(accept: request.headers[.accept])) ?? Self.gone
        }
        return router
    }

    private static var gone: Response { Refusal(.serviceUnavailable, "the process is ending").response }

    private static func admit(_ request: Request, _ token: BearerToken?) throws -> Response? {
        guard let token, !["/healthz", "/readyz"].contains(request.uri.path), !token.isBrought(by: request) else {
            return nil
        }
        throw Refusal(
            .unauthorized, "send the header `Authorization: Bearer TOKEN` with the token of http.token-file",
            headers: [.wwwAuthenticate: "Bearer"])
    }

    // MARK: answers

    /// Waits for nothing: who asks every few seconds has the state looked for, and a look that does not come back shows.
    private var health: Response {
        board.refresh()
        guard let time = board.searchTime, time > Self.longestSearch else { return .text("ok\n") }
        var response = Response.text(
            "the state of the publisher has been looked for for \(time.components.seconds) s: a disk or a thread hangs\n"
        )
        response.status = .serviceUnavailable
        return response
    }

    private func readiness(of request: Request) async -> Response {
        let obstacles = obstacles(await board.current(patience: Self.patience))
        guard !obstacles.isEmpty else { return .text("ready\n") }
        // Who has not shown the token learns no paths and names of masters.
        let mayKnow = token?.isBrought(by: request) ?? true
        var response = Response.text(mayKnow ? obstacles.map { $0 + "\n" }.joined() : "not ready\n")
        response.status = .serviceUnavailable
        return response
    }

    private func obstacles(_ state: NodeState?) -> [String] {
        let end = ending.load(ordering: .relaxed) ? ["it is ending"] : []
        guard let state else { return end + ["its state can't be found out: a disk or a thread hangs"] }
        return end + state.obstacles
    }

    private func status() async throws -> Response {
        guard let state = await board.current(patience: Self.patience) else {
            throw Refusal(.serviceUnavailable, "its state can't be found out: a disk or a thread hangs")
        }
        let json = SecretJSON.hidden(in: try InspectionJSON.text(state.reports))
        return .json(TerminalJSON.escaped(Array((json + "\n").utf8)))
    }

    private func metrics(as form: MetricsForm) async -> Response {
        let state = await board.current(patience: Self.patience)
        let metrics = NodeMetrics(
            process: process, state: state, isReady: obstacles(state).isEmpty,
            answers: counts.answers, connections: connections.now)
        return .text(form.text(of: metrics.text), type: form.contentType)
    }
}
