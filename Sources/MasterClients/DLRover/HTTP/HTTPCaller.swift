import AsyncHTTPClient
import Diagnosis
import Logging
import NIOCore
import NIOHTTP1
import PeerLimits
import Synchronization

/// Posts to one HTTP/1.1 server.
///
/// A call that misses its deadline takes its connection with it, but the others that are kept may lead to the same dead machine. So all are
/// given up then, and the next call looks the name up again.
struct HTTPCaller: Sendable {
    private let pool: HTTPConnections
    private let eventLoop: any EventLoop
    private let base: String
    private let longestAnswer: Int
    private let logger: Logger

    /// - Parameter longestAnswer: the most bytes of an answer's body that are taken.
    init(host: String, port: Int, connectTimeout: Duration, longestAnswer: Int, logger: Logger) {
        var configuration = HTTPClient.Configuration()
        HTTPAnswerLimits(bodyBytes: longestAnswer).apply(to: &configuration)
        self.longestAnswer = longestAnswer
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = TimeAmount(connectTimeout)
        // Otherwise a refused connection is tried again and again until the deadline, and its reason is lost.
        configuration.connectionPool.retryConnectionEstablishment = false
        // Otherwise an address that takes connections and answers nothing would be the first each time. (For a host that is an address itself
        // the resolver would not be used, which it doesn't expect.)
        if (try? SocketAddress(ipAddress: host, port: port)) == nil { configuration.dnsResolver = .randomized }
        pool = HTTPConnections(configuration)
        eventLoop = HTTPClient.defaultEventLoopGroup.any()
        base = "http://\(MasterURL.authority(host, port))"
        self.logger = logger
    }

    /// Makes one call and waits for the whole answer.
    ///
    /// - Parameter errors: says what a failure means; `errors.deadline` is how long the call may take.
    func post(
        _ path: String, headers: HTTPHeaders, body: ByteBuffer, errors: HTTPErrorText
    ) async throws(ReportError) -> HTTPClient.Response {
        var collector: HTTPAnswerCollector?
        let client = pool.take()
        do {
            let request = try HTTPClient.Request(
                url: base + path, method: .POST, headers: headers, body: .byteBuffer(body))
            let delegate = HTTPAnswerCollector(request, maxBytes: longestAnswer)
            collector = delegate
            // Not the async interface: its deadline ends with the answer's head. On one event loop for all calls, which then is that of all
            // connections, too: the collector needs that.
            let task = client.execute(
                request: request, delegate: delegate, eventLoop: .delegate(on: eventLoop),
                deadline: .now() + TimeAmount(errors.deadline), logger: logger)
            let response = try await withTaskCancellationHandler {
                try await task.get()
            } onCancel: {
                task.cancel()
            }
            await pool.giveBack(client, isSuspect: false)
            return response
        } catch {
            await pool.giveBack(client, isSuspect: (error as? HTTPClientError) == .deadlineExceeded)
            throw errors.error(
                of: error, mayHaveArrived: collector?.mayHaveArrived.load(ordering: .relaxed) ?? false)
        }
    }

    func close() async {
        await pool.close()
    }
}

/// Gathers one answer, and notes whether any of the request went out before it or the failure came.
///
/// That is certain only if the call and its connection share an event loop: otherwise the call may end before the news that it was begun.
final class HTTPAnswerCollector: HTTPClientResponseDelegate, Sendable {
    typealias Response = HTTPClient.Response

    /// Whether the server may have got the request: its head was written, and its body follows.
    let mayHaveArrived = Atomic(false)
    private let accumulator: ResponseAccumulator

    /// - Parameter maxBytes: the longest body that is taken.
    init(_ request: HTTPClient.Request, maxBytes: Int) {
        accumulator = ResponseAccumulator(request: request, maxBodySize: maxBytes)
    }

    func didSendRequestHead(task: HTTPClient.Task<Response>, _ head: HTTPRequestHead) {
        mayHaveArrived.store(true, ordering: .relaxed)
    }

    func didReceiveHead(task: HTTPClient.Task<Response>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        accumulator.didReceiveHead(task: task, head)
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Response>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        accumulator.didReceiveBodyPart(task: task, buffer)
    }

    func didReceiveError(task: HTTPClient.Task<Response>, _ error: any Error) {
        accumulator.didReceiveError(task: task, error)
    }

    func didFinishRequest(task: HTTPClient.Task<Response>) throws -> Response {
        try accumulator.didFinishRequest(task: task)
    }
}
