import Logging
import NIOCore
import NIOHPACK
import NIOPosix
import Synchronization
import TransportSecurity

/// Makes unary gRPC calls to one server, in plain text or over TLS, over one HTTP/2 connection at a time.
///
/// It connects at the first call, and again at the first call after the connection was lost; it never retries by itself.
/// Callers may be on any thread; the work is done on one event loop.
final class GRPCClient: Sendable {
    /// Callers that make calls in a row should run there.
    let executor: EventLoopTaskExecutor
    private let eventLoop: any EventLoop
    private let core: NIOLoopBoundBox<GRPCClientCore>
    private let timeout: TimeAmount
    private let longestAnswer: Int
    private let baseHeaders: [(String, String)]
    private let commonHeaders: [(String, String)]

    /// - Parameters:
    ///   - metadata: sent with every call, after gRPC's own headers. Names in lower case.
    ///   - timeout: how long one call may take that has no deadline of its own, connecting included.
    ///   - longestAnswer: the most bytes of an answer, its prefix included. A server may have as many under way for each call.
    ///   - firstStreamID: where a connection's stream ids begin; odd. For tests.
    ///   - lookup: finds the host's addresses.
    ///   - proxy: what connections go through; `nil`: nothing.
    ///   - security: what secures connections; `nil`: they are in plain text.
    init(
        host: String, port: Int, metadata: [(name: String, value: String)], timeout: Duration, connectTimeout: Duration,
        longestAnswer: Int = GRPCWindow.longestAnswer, firstStreamID: Int = 1, lookup: AddressLookup = .system,
        proxy: MasterProxy? = nil, security: ClientSecurity? = nil, logger: Logger
    ) {
        eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        executor = EventLoopTaskExecutor(eventLoop)
        self.timeout = TimeAmount(timeout)
        self.longestAnswer = longestAnswer
        baseHeaders = [
            (":method", "POST"), (":scheme", security == nil ? "http" : "https"),
            (":authority", MasterURL.authority(host, port)),
            ("te", "trailers"), ("content-type", "application/grpc"), ("grpc-accept-encoding", "identity"),
        ]
        commonHeaders = [("grpc-timeout", GRPCTimeout.encode(timeout))] + metadata.map { ($0.name, $0.value) }
        let connector = GRPCConnector(
            host: host, port: port, connectTimeout: TimeAmount(connectTimeout), streamWindow: longestAnswer + 1,
            firstStreamID: firstStreamID, liveness: GRPCLiveness(timeout: TimeAmount(timeout)),
            lookups: AddressLookupQueue(lookup), proxy: proxy?.connection, security: security, eventLoop: eventLoop)
        core = NIOLoopBoundBox.makeBoxSendingValue(
            GRPCClientCore(connector: connector, logger: logger), eventLoop: eventLoop)
    }

    /// The headers of calls to the method at `path`, `/package.Service/Method`. Make them once.
    func headers(path: String) -> HPACKHeaders {
        headers(path: path, adding: commonHeaders)
    }

    /// The headers of one call to the method at `path`, with its own metadata and deadline instead of the client's.
    ///
    /// - Parameter timeout: what the server is told; `nil`: that there is none.
    func headers(path: String, metadata: [(name: String, value: String)], timeout: Duration?) -> HPACKHeaders {
        let deadline = timeout.map { [("grpc-timeout", GRPCTimeout.encode($0))] } ?? []
        return headers(path: path, adding: deadline + metadata.map { ($0.name, $0.value) })
    }

    private func headers(path: String, adding others: [(String, String)]) -> HPACKHeaders {
        // Pseudo-headers must stand before all others (RFC 9113, section 8.3).
        HPACKHeaders([(":path", path)] + baseHeaders + others)
    }

    /// Makes one call and waits for its end.
    ///
    /// - Parameters:
    ///   - request: the message with its five-byte prefix.
    ///   - timeout: how long it may take; `nil`: as long as the client's calls may.
    ///   - token: says afterwards whether the server may have got the request.
    func call(
        _ headers: HPACKHeaders, _ request: ByteBuffer, timeout: Duration? = nil,
        token: GRPCCall.Token = GRPCCall.Token()
    ) async -> GRPCCall.Outcome {
        let deadline = NIODeadline.now() + (timeout.map { TimeAmount($0) } ?? self.timeout)
        let (core, longestAnswer) = (core, longestAnswer)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                @Sendable func submit() {
                    core.value.submit(
                        GRPCCall(
                            headers: headers, request: request, deadline: deadline,
                            maxAnswerBytes: longestAnswer, token: token, continuation: continuation))
                }
                if eventLoop.inEventLoop { submit() } else { eventLoop.execute(submit) }
            }
        } onCancel: {
            token.isCancelled.store(true, ordering: .relaxed)
            eventLoop.execute { core.value.cancel(token) }
        }
    }

    /// Ends all calls with `GRPCFailure.closed` and closes the connection. Later calls fail at once.
    func close() async {
        let core = core
        _ = try? await eventLoop.submit { core.value.close() }.get()
    }
}
