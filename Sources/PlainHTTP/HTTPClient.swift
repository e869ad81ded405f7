package import NIOCore
package import NIOHTTP1
internal import NIOPosix
private import PeerLimits
private import Synchronization

/// Calls one HTTP/1.1 server, in plain text or through what secures its connections, over connections that are kept for the next call. From any thread.
///
/// Redirects are not followed, and nothing is tried twice. All connections are on one event loop.
package final class HTTPClient: Sendable {
    /// What of an answer is of use; the rest is bounded by `HTTPAnswerLimits`.
    package struct Wanted: Sendable {
        /// The longest body, in bytes.
        package var bodyBytes: Int
        /// Whether an answer with another status than 200 ends with its head.
        package var bodyOfOKAlone = false

        package init(bodyBytes: Int, bodyOfOKAlone: Bool = false) {
            self.bodyBytes = bodyBytes
            self.bodyOfOKAlone = bodyOfOKAlone
        }
    }

    private struct State {
        var isClosed = false
        /// Connections of an older one are closed after their call.
        var generation = 0
        /// Those that are open, or being opened, with the generation that they are of.
        var all: [ObjectIdentifier: (channel: any Channel, generation: Int)] = [:]
        /// Those without a call, and since when. The last one is used first.
        var free: [(channel: any Channel, since: NIODeadline)] = []
    }

    /// A connection that was not used for so long may be dead without anybody knowing: routers forget it.
    private static let longestRest = TimeAmount.seconds(60)

    private enum Server {
        case host(String, port: Int, connectTimeout: TimeAmount, proxy: HTTPProxy?, secure: Secure?)
        case connected(@Sendable () throws -> CInt)
    }

    private let server: Server
    private let wanted: Wanted
    private let eventLoop: any EventLoop
    private let state = Mutex(State())

    /// Puts handlers in front of all others of a new connection, on its event loop: TLS.
    package typealias Secure = @Sendable (any Channel) throws -> Void

    /// - Parameters:
    ///   - host: a name or an address; an IPv6 address without brackets.
    ///   - proxy: what connections go through; `nil`: nothing.
    ///   - secure: `nil`: connections are in plain text.
    package init(
        host: String, port: Int, connectTimeout: Duration, wanted: Wanted, proxy: HTTPProxy? = nil,
        secure: Secure? = nil
    ) {
        server = .host(host, port: port, connectTimeout: TimeAmount(connectTimeout), proxy: proxy, secure: secure)
        self.wanted = wanted
        eventLoop = MultiThreadedEventLoopGroup.singleton.any()
    }

    /// A client of a server that others connect to: one at a Unix socket, say.
    ///
    /// - Parameter connect: gives a descriptor of a connected stream socket, which is then the client's. Called for each new connection; must
    ///   not block. What it throws is what the call throws.
    package init(wanted: Wanted, connect: @escaping @Sendable () throws -> CInt) {
        server = .connected(connect)
        self.wanted = wanted
        eventLoop = MultiThreadedEventLoopGroup.singleton.any()
    }

    deinit {
        for (channel, _) in state.withLock({ $0.all.values }) { channel.close(promise: nil) }
    }

    /// What the `Host` header says.
    private var authority: String {
        guard case .host(let host, let port, _, _, let secure) = server else { return "localhost" }
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (secure == nil ? 80 : 443) ? name : "\(name):\(port)"
    }

    /// Makes one call and waits for the whole answer.
    ///
    /// After a missed deadline none of the connections that there are is used again: they may lead to the same dead machine.
    ///
    /// - Parameters:
    ///   - path: with the query.
    ///   - deadline: how long it may take, connecting included.
    ///   - mayHaveArrived: whether the server may have got the request, where it has no answer.
    package func call(
        _ method: HTTPMethod, _ path: String, headers: HTTPHeaders = [:], body: ByteBuffer? = nil, deadline: Duration,
        mayHaveArrived: inout Bool
    ) async throws -> HTTPAnswer {
        var head = HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: headers)
        head.headers.replaceOrAdd(name: "host", value: authority)
        if let body { head.headers.replaceOrAdd(name: "content-length", value: "\(body.readableBytes)") }
        let answer = eventLoop.makePromise(of: HTTPAnswer.self)
        let exchange = HTTPExchange(head: head, body: body, wanted: wanted, answer: answer)
        let timer = eventLoop.scheduleTask(in: TimeAmount(deadline)) { answer.fail(HTTPCallError.deadlineExceeded) }
        let connection = connection()
        connection.whenComplete { result in
            switch result {
            case .success(let channel):
                guard !exchange.isOver.load(ordering: .relaxed) else { return self.release(channel) }
                channel.writeAndFlush(exchange, promise: nil)
                // Late, refused or given up: what still comes would be taken for the next call's answer.
                answer.futureResult.whenFailure { _ in channel.close(promise: nil) }
            case .failure(let error): answer.fail(error)
            }
        }
        defer {
            timer.cancel()
            mayHaveArrived = exchange.mayHaveArrived.load(ordering: .relaxed)
        }
        do {
            return try await withTaskCancellationHandler {
                try await answer.futureResult.get()
            } onCancel: {
                answer.fail(HTTPCallError.cancelled)
            }
        } catch {
            if (error as? HTTPCallError) == .deadlineExceeded { leaveConnections() }
            if case ChannelError.connectTimeout = error { throw HTTPCallError.connectTimeout }
            throw error
        }
    }

    /// Ends all calls. Later ones fail at once.
    package func close() async {
        let channels = state.withLock { state in
            state.isClosed = true
            state.free = []
            return state.all.values.map(\.channel)
        }
        for channel in channels { try? await channel.close().get() }
    }

    /// Has later calls use none of the connections that there are.
    package func leaveConnections() {
        let idle = state.withLock { state in
            state.generation += 1
            defer { state.free = [] }
            return state.free.map(\.channel)
        }
        for channel in idle { channel.close(promise: nil) }
    }

    // MARK: connections

    private func connection() -> EventLoopFuture<any Channel> {
        var old: [any Channel] = []
        let (free, isClosed) = state.withLock { state -> ((any Channel)?, Bool) in
            let now = NIODeadline.now()
            while let (channel, since) = state.free.popLast() {
                if channel.isActive, now - since < Self.longestRest { return (channel, false) }
                old.append(channel)
            }
            return (nil, state.isClosed)
        }
        // On the event loop itself this closes at once, and takes the lock.
        for channel in old { channel.close(promise: nil) }
        if isClosed { return eventLoop.makeFailedFuture(HTTPCallError.alreadyClosed) }
        if let free { return eventLoop.makeSucceededFuture(free) }
        var bootstrap = ClientBootstrap(group: eventLoop)
            .channelInitializer { [weak self] channel in
                channel.eventLoop.makeCompletedFuture { try self?.prepare(channel) }
            }
        guard case .host(var host, var port, let connectTimeout, let proxy, _) = server else {
            return connected(bootstrap)
        }
        if let proxy { (host, port) = (proxy.host, proxy.port) }
        bootstrap = bootstrap.connectTimeout(connectTimeout).channelOption(.socketOption(.so_keepalive), value: 1)
        let connection =
            if let address = try? SocketAddress(ipAddress: host, port: port) {
                bootstrap.connect(to: address)
            } else {
                // In turns, or an address that takes connections and answers nothing would be the first each time.
                bootstrap.resolver(NIORandomizedDNSResolver(loop: eventLoop)).connect(host: host, port: port)
            }
        guard let proxy else { return connection }
        return connection.flatMapErrorThrowing { throw ProxyUnreachable(proxy, reason: $0) }
            .flatMap { ProxyTunnel.opened($0) }
    }

    private func connected(_ bootstrap: ClientBootstrap) -> EventLoopFuture<any Channel> {
        guard case .connected(let connect) = server else {
            return eventLoop.makeFailedFuture(HTTPCallError.alreadyClosed)
        }
        do {
            return bootstrap.withConnectedSocket(try connect())
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
    }

    /// On the event loop, before the connection is made.
    private func prepare(_ channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        try HTTPAnswerLimits(bodyBytes: wanted.bodyBytes).addHandlers(to: pipeline)
        try pipeline.addHandler(HTTPExchangeHandler { [weak self] channel in self?.release(channel) })
        if case .host(_, _, _, _, let secure?) = server { try secure(channel) }
        if case .host(let host, let port, let patience, let proxy?, _) = server {
            try ProxyTunnel.add(to: channel, through: proxy, host: host, port: port, patience: patience)
        }
        let isClosed = state.withLock { state in
            state.all[ObjectIdentifier(channel)] = (channel, state.generation)
            return state.isClosed
        }
        channel.closeFuture.whenComplete { [weak self] _ in
            self?.state.withLock { state in
                state.all[ObjectIdentifier(channel)] = nil
                state.free.removeAll { $0.channel === channel }
            }
        }
        if isClosed { throw HTTPCallError.alreadyClosed }
    }

    private func release(_ channel: any Channel) {
        let isOfUse = state.withLock { state in
            guard !state.isClosed, state.all[ObjectIdentifier(channel)]?.generation == state.generation else {
                return false
            }
            state.free.append((channel, .now()))
            return true
        }
        if !isOfUse { channel.close(promise: nil) }
    }
}
