import Diagnosis
import NIOCore
import NIOHTTP1
import PlainHTTP
import Logging

/// Calls an OTLP receiver over HTTP/1.1: Protocol Buffers to `/v1/logs` and `/v1/metrics` behind the path of its URL.
struct OTLPHTTPTransport: OTLPTransport {
    /// The longest answer that is taken.
    private static let answerBytes = 1 << 20

    private let caller: HTTPCaller
    private let path: String
    private let headers: HTTPHeaders
    private let compresses: Bool
    private let errors: OTLPErrorText

    init(url: MasterURL, host: String, port: Int, path: String, options: MasterClientOptions, logger: Logger) {
        caller = HTTPCaller(
            host: host, port: port, connectTimeout: options.connectTimeout, longestAnswer: Self.answerBytes,
            proxy: options.proxy, security: url.security(options.tls, logger: logger))
        self.path = path
        compresses = options.otlp.compresses
        var headers: HTTPHeaders = [
            "content-type": "application/x-protobuf", "accept": "application/x-protobuf",
            "user-agent": options.userAgent,
        ]
        if compresses { headers.add(name: "content-encoding", value: OTLPCompression.name) }
        for header in options.otlp.headers { headers.add(name: header.name, value: header.value) }
        self.headers = headers
        errors = OTLPErrorText(master: url.description, deadline: options.deadline)
    }

    func export(_ message: ByteBuffer, as signal: OTLPSignal) async throws(ReportError) -> OTLPAnswer {
        var (headers, body) = (headers, message)
        if compresses {
            if let smaller = OTLPCompression.compressed(message) {
                body = smaller
            } else {
                headers.remove(name: "content-encoding")
            }
        }
        let answer = try await caller.post(path + signal.path, headers: headers, body: body, errors: errors.http)
        guard (200...299).contains(answer.status) else { throw errors.error(of: answer) }
        guard let read = OTLPAnswer(answer, to: signal) else {
            throw errors.unreadable("it answered HTTP status \(answer.status) with something else")
        }
        return read
    }

    func close() async {
        await caller.close()
    }
}
