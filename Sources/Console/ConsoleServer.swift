internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
package import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle

/// The console's page and its HTTP API, without TLS.
package struct ConsoleServer: Service {
    private let options: ConsoleOptions
    private let logger: Logger
    private let onListening: @Sendable (_ address: String, _ port: Int) -> Void
    private let counts = ConsoleCounts()
    private let connections = ConnectionCounter()
    private let feed: EventFeed
    private let files: PageFiles

    /// - Parameters:
    ///   - onListening: called once it listens, with the address and the port that it has.
    /// - Throws: ``ConsoleOptionsError``.
    package init(
        options: ConsoleOptions, logger: Logger,
        onListening: @escaping @Sendable (_ address: String, _ port: Int) -> Void = { _, _ in }
    ) throws {
        try options.check()
        self.options = options
        self.logger = logger
        self.onListening = onListening
        feed = EventFeed(most: options.limits.readers)
        files = PageFiles([:])
    }

    /// Serves until it is cancelled or shut down gracefully.
    package func run() async throws {
        let (limits, connections, onListening) = (options.limits, connections, onListening)
        let channel = HTTP1Channel.Configuration(
            additionalChannelHandlers: [ConnectionGuard(limits: limits, connections: connections)],
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes, maxHeaderFieldCount: 100)
        )
        let application = Application(
            router: router(), server: .http1(configuration: channel),
            configuration: ApplicationConfiguration(address: .hostname(options.host, port: options.port)),
            onServerRunning: { channel in
                onListening(channel.localAddress?.ipAddress ?? "", channel.localAddress?.port ?? 0)
            },
            logger: logger)
        try await withGracefulShutdownHandler {
            try await application.run()
        } onGracefulShutdown: { [feed] in
            feed.close()
        }
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router(options: .autoGenerateHeadEndpoints)
        router.add(
            middleware: Gatekeeper<BasicRequestContext>(
                hosts: WebHosts(host: options.host, names: options.names),
                pass: options.token.map { TokenPass(token: $0, session: options.session) }, limits: options.limits,
                counts: counts))
        router.get("/") { [files] request, _ in try files.response(to: request, path: "/") }
        router.get("/app/:name") { [files] request, context in
            try files.response(to: request, path: request.uri.path)
        }
        router.get("/api/v1/events") { [feed] request, _ in try feed.response(to: request) }
        return router
    }
}
