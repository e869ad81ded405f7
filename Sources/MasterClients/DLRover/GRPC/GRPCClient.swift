import Logging
import NIOCore
import NIOHPACK
import NIOPosix
import Synchronization

/// Makes unary gRPC calls to one server in plain text, over one HTTP/2 connection at a time.
///
/// It connects at the first call, and again at the first call after the connection was lost; it never retries by itself.
/// Callers may be on any thread; the work is done on one event loop.
final class GRPCClient: Sendable {
    /// Callers that make calls in a row should run there.
    let executor: EventLoopTaskExecutor
    private let eventLoop: any EventLoop
    private let core: NIOLoopBoundBox<GRPCClientCore>
    private let timeout: TimeAmount
    private let commonHeaders: HPACKHeaders

    /// - Parameters:
    ///   - metadata: sent with every call, after gRPC's own headers. Names in lower case.
    ///   - timeout: how long one call may take, connecting included.
    ///   - firstStreamID: where a connection's stream ids begin; odd. For tests.
    init(
        host: String, port: Int, metadata: [(name: String, value: String)], timeout: Duration, connectTimeout: Duration,
        firstStreamID: Int = 1, logger: Logger
    ) {
        eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        executor = EventLoopTaskExecutor(eventLoop)
        self.timeout = TimeAmount(timeout)
        var headers: [(String, String)] = [
            (":method", "POST"), (":scheme", "http"), (":authority", MasterURL.authority(host, port)),
            ("te", "trailers"), ("content-type", "application/grpc"), ("grpc-timeout", Self.timeoutText(timeout)),
            ("grpc-accept-encoding", "identity"),
        ]
        headers += metadata.map { ($0.name, $0.value) }
        commonHeaders = HPACKHeaders(headers)
        let connector = GRPCConnector(
            host: host, port: port, connectTimeout: TimeAmount(connectTimeout), firstStreamID: firstStreamID,
            eventLoop: eventLoop)
        core = NIOLoopBoundBox.makeBoxSendingValue(
            GRPCClientCore(connector: connector, logger: logger), eventLoop: eventLoop)
    }

    /// The headers of calls to the method at `path`, `/package.Service/Method`. Make them once.
    func headers(path: String) -> HPACKHeaders {
        // Pseudo-headers must stand before all others (RFC 9113, section 8.3).
        HPACKHeaders([(":path", path)] + commonHeaders.map { ($0.name, $0.value) })
    }

    /// Makes one call and waits for its end.
    ///
    /// - Parameters:
    ///   - request: the message with its five-byte prefix.
    ///   - token: says afterwards whether the server may have got the request.
    func call(
        _ headers: HPACKHeaders, _ request: ByteBuffer, token: GRPCCall.Token = GRPCCall.Token()
    ) async -> GRPCCall.Outcome {
        let deadline = NIODeadline.now() + timeout
        let core = core
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                @Sendable func submit() {
                    core.value.submit(
                        GRPCCall(
                            headers: headers, request: request, deadline: deadline,
                            maxAnswerBytes: GRPCWindow.longestAnswer, token: token, continuation: continuation))
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

    /// The form of `grpc-timeout` (gRPC over HTTP2, "Requests"): at most eight digits and a unit.
    static func timeoutText(_ timeout: Duration) -> String {
        let (seconds, attoseconds) = timeout.components
        if attoseconds == 0 { return "\(min(seconds, 99_999_999))S" }
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        return milliseconds <= 99_999_999 ? "\(max(milliseconds, 1))m" : "\(min(seconds, 99_999_999))S"
    }
}
