internal import HTTPTypes
package import Hummingbird
internal import HummingbirdCore
package import Logging
internal import NIOCore
internal import NIOExtras
internal import NIOPosix
internal import ServiceLifecycle
private import Synchronization
internal import SystemSupport
package import TransportSecurity

/// Serves a router over HTTP/1.1, at an address, there perhaps over TLS, or a Unix socket, within the limits.
package struct WebServer: Sendable {
    /// Where a server listens.
    package enum Place: Hashable, Sendable {
        /// An address or a name, an IPv6 address without brackets. Port 0 takes a free one.
        case tcp(host: String, port: Int)
        /// The absolute path of a Unix socket, which only this user and root may use.
        case unix(path: String)
    }

    private let place: Place
    private let responder: RouterResponder<BasicRequestContext>
    private let limits: WebLimits
    private let security: ServerSecurity?
    private let connections: ConnectionCounter
    private let logger: Logger
    private let onListening: @Sendable (Place) -> Void

    /// - Parameters:
    ///   - security: what secures connections to an address; `nil`: they are in plain text.
    ///   - onListening: called once it listens, with the address and the port that it has.
    package init(
        at place: Place, router: Router<BasicRequestContext>, limits: WebLimits, security: ServerSecurity? = nil,
        connections: ConnectionCounter, logger: Logger, onListening: @escaping @Sendable (Place) -> Void
    ) {
        self.place = place
        responder = router.buildResponder()
        self.limits = limits
        self.security = security
        self.connections = connections
        // Its own account of starting is of no use to an operator, who is told the address.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .notice)
        self.logger = quiet
        self.onListening = onListening
    }

    /// Serves until it is cancelled or shut down gracefully.
    ///
    /// - Throws: `PageAddressError` where it can't listen.
    package func run() async throws {
        switch place {
        case .tcp(let host, let port): try await run(host, port)
        case .unix(let path): try await run(path)
        }
    }

    private var channel: HTTP1Channel.Configuration {
        HTTP1Channel.Configuration(
            additionalChannelHandlers: [ConnectionGuard(limits: limits, connections: connections)],
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes, maxHeaderFieldCount: 100)
        )
    }

    private func run(_ host: String, _ port: Int) async throws {
        let application = Application(
            responder: responder, server: .secured(by: security, configuration: channel),
            configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
            onServerRunning: { [onListening] channel in
                onListening(
                    .tcp(
                        host: channel.localAddress?.ipAddress ?? host, port: channel.localAddress?.port ?? port))
            },
            logger: logger)
        do {
            try await application.run()
        } catch let error as IOError {
            throw PageAddressError(place, reason: SystemCallError.text(error.errnoCode))
        } catch let error as SocketAddressError {
            throw PageAddressError(place, reason: "\(error)")
        }
    }

    /// Hummingbird makes the file of a socket with the umask's mode, and replaces whatever is there.
    private func run(_ path: String) async throws {
        let socket: UnixListener
        do throws(UnixListenerError) {
            socket = try UnixListener(path: path, mode: 0o600, backlog: CInt(min(limits.connections, 128)))
        } catch {
            throw PageAddressError(place, reason: "\(error)")
        }
        defer { socket.remove() }
        let (logger, child) = (logger, HTTP1Channel(responder: answer, configuration: channel))
        let group = MultiThreadedEventLoopGroup.singleton
        let quiescing = ServerQuiescingHelper(group: group)
        // Each connection has a task of its own from its first moment: one that waits in a sequence while the server ends would be dropped,
        // which ends the process (NIOAsyncWriter).
        let listener = try await ServerBootstrap(group: group)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        quiescing.makeServerChannelHandler(channel: channel))
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                child.setup(channel: channel, logger: logger).map { connection in
                    _ = Task { await child.handle(value: connection, logger: logger) }
                }
            }
            .withBoundSocket(socket.descriptor).get()
        onListening(place)
        let ending = SocketEnding(quiescing: quiescing, ended: group.any().makePromise(of: Void.self))
        listener.closeFuture.whenComplete { _ in ending.begin() }
        // Comes once the last connection is closed: `ConnectionGuard` sees to it that none stays.
        await withTaskCancellationOrGracefulShutdownHandler {
            try? await ending.ended.futureResult.get()
        } onCancelOrGracefulShutdown: {
            ending.begin()
        }
    }

    private var answer: HTTPChannelHandler.Responder {
        let (responder, logger) = (responder, logger)
        return { request, writer, channel in
            let context = BasicRequestContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
            let response: Response
            do {
                response = try await responder.respond(to: request, context: context)
            } catch {
                response = Response(status: .internalServerError)
            }
            try await writer.write(response: response.head, body: response.body)
        }
    }
}

/// The end of a server at a Unix socket, which several may want.
private final class SocketEnding: Sendable {
    let ended: EventLoopPromise<Void>
    private let quiescing: ServerQuiescingHelper
    private let hasBegun = Atomic<Bool>(false)

    init(quiescing: ServerQuiescingHelper, ended: EventLoopPromise<Void>) {
        self.quiescing = quiescing
        self.ended = ended
    }

    func begin() {
        if !hasBegun.exchange(true, ordering: .relaxed) { quiescing.initiateShutdown(promise: ended) }
    }
}

/// Why there can be no server at its address.
package struct PageAddressError: Error, CustomStringConvertible {
    package let description: String

    init(_ place: WebServer.Place, reason: String) {
        description =
            switch place {
            case .tcp(let host, let port):
                "cannot listen at \(host.contains(":") ? "[\(host)]" : host):\(port): \(reason)"
            case .unix(let path): "cannot listen at unix:\(path): \(reason)"
            }
    }
}
