import Diagnosis
import Logging
import NIOCore
import NIOHTTP1
import PlainHTTP

/// Passes calls to a master that serves HTTP: the same pickles in HTTP's envelope, and what a gRPC master would answer.
///
/// Only `elastic.Master`'s two methods have a counterpart there.
struct DLRoverHTTPRelay: DLRoverRelay {
    /// The most bytes around a message's pickle in a `BaseResponse`.
    private static let answerOverhead = 4096

    private let caller: HTTPCaller
    private let master: String
    private let userAgent: String

    init(url: MasterURL, host: String, port: Int, options: MasterClientOptions, logger: Logger) {
        caller = HTTPCaller(
            host: host, port: port, connectTimeout: options.connectTimeout,
            longestAnswer: RelayLimits.messageBytes + Self.answerOverhead,
            proxy: options.proxy, security: url.security(options.tls, logger: logger))
        master = url.description
        userAgent = options.userAgent
    }

    func answer(to call: RelayedCall) async throws(GRPCStatus) -> ByteBuffer {
        switch call.path {
        case "/elastic.Master/report":
            return ElasticMessage.response(success: try await post("/report", call)?.success ?? false)
        case "/elastic.Master/get":
            guard let answer = try await post("/get", call) else {
                throw GRPCStatus(code: .unauthenticated, message: "Job uid is invalid")
            }
            return ElasticMessage.message(data: answer.data)
        default:
            throw GRPCStatus(
                code: .unimplemented, message: "\(master) serves HTTP, which has nothing like \(call.path)")
        }
    }

    /// Everything as it is, also the master's errors.
    func answer(to post: RelayedPost) async throws(GRPCStatus) -> PostAnswer {
        let errors = HTTPErrorText(master: master, deadline: RelayedCall.longestPatience)
        do throws(ReportError) {
            let answer = try await caller.post(
                post.path.rawValue, headers: headers(jobUID: post.jobUID), body: post.body, errors: errors)
            return PostAnswer(status: answer.status, body: ByteBuffer(bytes: answer.body))
        } catch {
            throw GRPCStatus(relaying: error)
        }
    }

    func close() async {
        await caller.close()
    }

    /// - Returns: `nil` if the master belongs to another job than the client, which a gRPC master says in two ways.
    private func post(_ path: String, _ call: RelayedCall) async throws(GRPCStatus) -> BaseResponse? {
        let errors = HTTPErrorText(master: master, deadline: call.patience)
        let (request, response): (ByteBuffer, HTTPAnswer)
        request = try body(of: call)
        do throws(ReportError) {
            response = try await caller.post(
                path, headers: headers(jobUID: call.jobUID), body: request, errors: errors)
        } catch {
            throw GRPCStatus(relaying: error)
        }
        let text = String(decoding: response.body, as: UTF8.self)
        switch response.status {
        case 200: return try read(response.body, errors)
        case 406: return nil
        case 500:
            throw GRPCStatus(code: .unknown, message: "Exception calling application: \(text)")
        default:
            throw GRPCStatus(
                relaying: errors.error(status: response.status, body: text))
        }
    }

    private func headers(jobUID: String?) -> HTTPHeaders {
        var headers: HTTPHeaders = [
            "content-type": "application/json", "accept": "application/json", "user-agent": userAgent,
        ]
        if let jobUID { headers.add(name: "job_uid", value: jobUID) }
        return headers
    }

    private func body(of call: RelayedCall) throws(GRPCStatus) -> ByteBuffer {
        let message: (nodeID: Int, nodeType: String, data: ByteBuffer)
        do throws(ProtoError) {
            message = try ElasticMessage.decode(call.message)
        } catch {
            // The words of grpcio's server.
            throw GRPCStatus(code: .internalError, message: "Exception deserializing request!")
        }
        guard message.data.readableBytes <= DLRoverHTTPTransport.longestPickle else {
            throw GRPCStatus(
                code: .resourceExhausted,
                message: """
                    the message has \(message.data.readableBytes) bytes, and \(master) takes \
                    \(DLRoverHTTPTransport.longestPickle) over HTTP
                    """)
        }
        return HTTPRequestBody.body(
            node: NodeIdentity(id: message.nodeID, type: message.nodeType), pickle: message.data)
    }

    private func read(_ body: [UInt8], _ errors: HTTPErrorText) throws(GRPCStatus) -> BaseResponse {
        do throws(PickleError) {
            var limits = PickleLimits()
            limits.bytes = RelayLimits.messageBytes + Self.answerOverhead
            return try BaseResponse(pickle: body[...], limits: limits)
        } catch {
            throw GRPCStatus(relaying: errors.unreadable("\(error)"))
        }
    }
}
