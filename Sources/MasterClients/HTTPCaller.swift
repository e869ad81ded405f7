import Diagnosis
import NIOCore
import NIOHTTP1
import PlainHTTP
import TransportSecurity

/// Posts to a DLRover master that serves HTTP/1.1.
///
/// A call that misses its deadline takes its connection with it, but the others that are kept may lead to the same dead machine. So all are
/// given up then, and the next call looks the name up again.
struct HTTPCaller: Sendable {
    private let client: HTTPClient

    /// - Parameters:
    ///   - longestAnswer: the most bytes of an answer's body that are taken.
    ///   - proxy: what connections go through; `nil`: nothing.
    ///   - security: what secures connections; `nil`: they are in plain text.
    init(
        host: String, port: Int, connectTimeout: Duration, longestAnswer: Int, proxy: MasterProxy?,
        security: ClientSecurity?
    ) {
        var secure: HTTPClient.Secure?
        if let security { secure = { channel in try security.secure(channel, host: host) } }
        client = HTTPClient(
            host: host, port: port, connectTimeout: connectTimeout, wanted: HTTPClient.Wanted(bodyBytes: longestAnswer),
            proxy: proxy?.connection, secure: secure)
    }

    /// Makes one call and waits for the whole answer.
    ///
    /// - Parameter errors: says what a failure means; `errors.deadline` is how long the call may take.
    func post(
        _ path: String, headers: HTTPHeaders, body: ByteBuffer, errors: HTTPErrorText
    ) async throws(ReportError) -> HTTPAnswer {
        var mayHaveArrived = false
        do {
            return try await client.call(
                .POST, path, headers: headers, body: body, deadline: errors.deadline, mayHaveArrived: &mayHaveArrived)
        } catch {
            throw errors.error(of: error, mayHaveArrived: mayHaveArrived)
        }
    }

    func close() async {
        await client.close()
    }
}
