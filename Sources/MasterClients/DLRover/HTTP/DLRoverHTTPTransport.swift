import Diagnosis
private import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1
import PlainHTTP

/// Calls a DLRover master over HTTP/1.1: `POST /report` and `POST /get` (`dlrover/python/master/servicer.py`).
struct DLRoverHTTPTransport: DLRoverTransport {
    /// Tornado resets the connection over a body of more than 100 MiB, which base64 reaches with three quarters of that.
    static let longestPickle = 75 * 1024 * 1024 - 4096

    /// DLRover serves HTTP since 0.5, which has the new name.
    let mayMeetOldModule = false
    let longestMessage = Self.longestPickle
    /// The longest answer that is taken.
    private static let answerBytes = 1024 * 1024

    private let caller: HTTPCaller
    private let headers: HTTPHeaders
    private let errors: HTTPErrorText

    init(url: MasterURL, host: String, port: Int, options: MasterClientOptions, logger: Logger) {
        caller = HTTPCaller(
            host: host, port: port, connectTimeout: options.connectTimeout, longestAnswer: Self.answerBytes,
            proxy: options.proxy, security: url.security(options.tls, logger: logger))
        headers = [
            "content-type": "application/json", "accept": "application/json", "user-agent": options.userAgent,
            "job_uid": options.jobUID,
        ]
        errors = HTTPErrorText(
            master: url.description, deadline: options.deadline)
    }

    func report(_ message: any DLRoverMessage, module: DLRoverModule) async throws(ReportError) -> DLRoverAnswer {
        try await post("/report", HTTPRequestBody.message(message, module)).success ? .taken : .notTaken
    }

    /// Only `data` says anything in the answer: `success` is false exactly when there is some.
    func get(_ message: (any DLRoverMessage)?, module: DLRoverModule) async throws(ReportError) -> [UInt8] {
        try await post("/get", message.map { HTTPRequestBody.message($0, module) } ?? HTTPRequestBody.empty).data
    }

    func close() async {
        await caller.close()
    }

    private func post(_ path: String, _ body: ByteBuffer) async throws(ReportError) -> BaseResponse {
        let response = try await caller.post(path, headers: headers, body: body, errors: errors)
        guard response.status == 200 else {
            throw errors.error(status: response.status, body: String(decoding: response.body, as: UTF8.self))
        }
        do throws(PickleError) {
            return try BaseResponse(pickle: response.body[...])
        } catch {
            throw errors.unreadable("\(error)")
        }
    }
}

/// The JSON that DLRover's HTTP master takes (`BaseRequest` of `dlrover/python/common/comm.py`).
enum HTTPRequestBody {
    static func message(_ message: any DLRoverMessage, _ module: DLRoverModule) -> ByteBuffer {
        var pickle = ByteBufferAllocator().buffer(capacity: message.pickleSize(module))
        message.appendPickle(module, to: &pickle)
        return body(node: message.node, pickle: pickle)
    }

    static func body(node: NodeIdentity, pickle: ByteBuffer) -> ByteBuffer {
        let data = Data(pickle.readableBytesView).base64EncodedData()
        var body = ByteBufferAllocator().buffer(capacity: data.count + 256)
        body.writeString(#"{"node_id": \#(node.id), "node_type": ""#)
        body.writeBytes(escaped(node.type))
        body.writeString(#"", "data": ""#)
        body.writeBytes(data)
        body.writeString(#""}"#)
        return body
    }

    /// A request without data.
    static let empty = ByteBuffer(string: #"{"node_id": 0, "node_type": "worker", "data": ""}"#)

    /// The inside of a JSON string: everything but plain ASCII as `\u` escapes.
    private static func escaped(_ text: String) -> [UInt8] {
        text.utf16.flatMap { unit -> [UInt8] in
            if (0x20...0x7E).contains(unit), unit != 0x22, unit != 0x5C { return [UInt8(unit)] }
            let digits = String(unit, radix: 16)
            return Array((#"\u"# + String(repeating: "0", count: 4 - digits.utf8.count) + digits).utf8)
        }
    }
}
