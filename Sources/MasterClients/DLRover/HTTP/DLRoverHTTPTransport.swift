import AsyncHTTPClient
import Diagnosis
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// Calls a DLRover master over HTTP/1.1: `POST /report` and `POST /get` (`dlrover/python/master/servicer.py`).
struct DLRoverHTTPTransport: DLRoverTransport {
    /// DLRover serves HTTP since 0.5, which has the new name.
    let mayMeetOldModule = false
    /// Tornado resets the connection over a body of more than 100 MiB, which base64 reaches with three quarters of that.
    let longestMessage = 75 * 1024 * 1024 - 4096
    /// The longest answer that is taken.
    private static let answerBytes = 1024 * 1024

    private let client: HTTPClient
    private let eventLoop: any EventLoop
    private let base: String
    private let headers: HTTPHeaders
    private let deadline: TimeAmount
    private let errors: HTTPErrorText
    private let logger: Logger

    init(host: String, port: Int, options: MasterClientOptions, logger: Logger) {
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = TimeAmount(options.connectTimeout)
        // Otherwise a refused connection is tried again and again until the deadline, and its reason is lost.
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        eventLoop = client.eventLoopGroup.any()
        base = "http://\(MasterURL.authority(host, port))"
        headers = [
            "content-type": "application/json", "accept": "application/json", "user-agent": options.userAgent,
            "job_uid": options.jobUID,
        ]
        deadline = TimeAmount(options.deadline)
        errors = HTTPErrorText(
            master: MasterURL(target: .dlroverHTTP(host: host, port: port)).description, deadline: options.deadline)
        self.logger = logger
    }

    func report(_ message: any DLRoverMessage, module: DLRoverModule) async throws(ReportError) -> DLRoverAnswer {
        try await post("/report", HTTPRequestBody.message(message, module)).success ? .taken : .notTaken
    }

    /// Of the answer only `data` says anything: `success` is false exactly when there is some.
    func get(_ message: (any DLRoverMessage)?, module: DLRoverModule) async throws(ReportError) -> [UInt8] {
        try await post("/get", message.map { HTTPRequestBody.message($0, module) } ?? HTTPRequestBody.empty).data
    }

    func close() async {
        try? await client.shutdown()
    }

    private func post(_ path: String, _ body: ByteBuffer) async throws(ReportError) -> BaseResponse {
        let response: HTTPClient.Response
        var collector: HTTPAnswerCollector?
        do {
            let request = try HTTPClient.Request(
                url: base + path, method: .POST, headers: headers, body: .byteBuffer(body))
            let delegate = HTTPAnswerCollector(request, maxBytes: Self.answerBytes)
            collector = delegate
            // Not the async interface: its deadline ends with the answer's head. On one event loop for all calls, which then is that of all
            // connections, too: the collector needs that.
            let task = client.execute(
                request: request, delegate: delegate, eventLoop: .delegate(on: eventLoop),
                deadline: .now() + deadline, logger: logger)
            response = try await withTaskCancellationHandler {
                try await task.get()
            } onCancel: {
                task.cancel()
            }
        } catch {
            throw errors.error(
                of: error, mayHaveArrived: collector?.mayHaveArrived.load(ordering: .relaxed) ?? false)
        }
        return try read(response)
    }

    private func read(_ response: HTTPClient.Response) throws(ReportError) -> BaseResponse {
        let body = response.body ?? ByteBuffer()
        guard response.status == .ok else {
            throw errors.error(status: Int(response.status.code), body: String(buffer: body))
        }
        do throws(PickleError) {
            return try BaseResponse(pickle: Array(buffer: body)[...])
        } catch {
            throw errors.unreadable("\(error)")
        }
    }
}
