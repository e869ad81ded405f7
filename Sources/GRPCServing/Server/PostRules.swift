internal import MasterClients
internal import NIOCore
internal import NIOHTTP1
internal import WebServing

/// What a request's head must be like to be a call of DLRover's HTTP client. A value without I/O.
///
/// A web page in a browser of this machine can make requests, too, as the user that the browser runs as. It can't without the marks by which it
/// is refused here: browsers add `Origin` or `Sec-Fetch-…`; they ask first (OPTIONS) before they send JSON elsewhere; and who leads a name
/// of their own to this machine (DNS rebinding) has that name as `Host`.
struct PostRules: Sendable {
    enum Judgement {
        case request(RelayedPost.Path, jobUID: String?, length: Int)
        case refused(PostAnswer, isOfBrowser: Bool)
    }

    /// All of a head's names and values and its target, in bytes.
    private static let headBytes = 16 << 10
    private static let mostFields = 100
    private static let longestJobUID = 1024

    private let hosts: WebHosts

    /// - Parameter host: what the server listens at.
    init(host: String) {
        hosts = WebHosts(host: host, names: [])
    }

    /// Longer heads are errors of the decoder.
    static var decoderLimits: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = headBytes
        limits.maxHeaderListSize = headBytes
        limits.maxHeaderFieldCount = mostFields
        return limits
    }

    /// How much memory a head takes: as for HTTP/2.
    static func bytes(of head: HTTPRequestHead) -> Int {
        head.headers.reduce(head.uri.utf8.count) { $0 + 128 + $1.name.utf8.count + $1.value.utf8.count }
    }

    func judge(_ head: HTTPRequestHead) -> Judgement {
        if let mark = browserMark(head.headers) {
            return .refused(PostAnswer(status: 403, mark), isOfBrowser: true)
        }
        guard let path = RelayedPost.Path(rawValue: head.uri) else {
            return refused(
                404, "arobust takes POST /report and POST /get here, as DLRover's HttpMasterClient calls them")
        }
        guard head.method == .POST else { return refused(405, "arobust: the method must be POST") }
        guard head.headers["content-type"].count == 1, Self.isJSON(head.headers["content-type"][0]) else {
            return refused(415, "arobust: the header Content-Type must be application/json")
        }
        guard !head.headers.contains(name: "content-encoding") else {
            return refused(415, "arobust: the body must not be compressed")
        }
        guard !head.headers.contains(name: "transfer-encoding"), head.headers["content-length"].count == 1,
            let length = Int(head.headers["content-length"][0])
        else { return refused(411, "arobust: the header Content-Length must say how long the body is") }
        guard length <= RelayLimits.postBytes else {
            return refused(
                413,
                "arobust: the body has \(length) bytes, and may have \(RelayLimits.postBytes), as at DLRover's master")
        }
        let jobUIDs = head.headers["job_uid"]
        guard jobUIDs.allSatisfy({ $0.utf8.count <= Self.longestJobUID }) else {
            return refused(400, "arobust: job_uid may have \(Self.longestJobUID) bytes")
        }
        return .request(path, jobUID: jobUIDs.last, length: length)
    }

    /// Why the request may be a web page's; `nil` if it can't be.
    private func browserMark(_ headers: HTTPHeaders) -> String? {
        let names = headers["host"]
        guard names.count == 1, hosts.allows(authority: names[0]) else {
            return
                "arobust: the header Host must name this machine: 127.0.0.1, localhost, [::1] or the address of listen"
        }
        for (name, _) in headers {
            let name = name.lowercased()
            guard name == "origin" || name == "referer" || name.hasPrefix("sec-") else { continue }
            return "arobust: the header \(name) says that a web page asks, which may not call here"
        }
        return nil
    }

    private func refused(_ status: Int, _ sentence: String) -> Judgement {
        .refused(PostAnswer(status: status, sentence), isOfBrowser: false)
    }

    private static func isJSON(_ type: String) -> Bool {
        let type = type.lowercased().prefix { $0 != ";" }
        return type.filter { !$0.isWhitespace } == "application/json"
    }

    /// What to say to who sends no HTTP/1.1.
    static func answer(to error: HTTPParserError) -> PostAnswer {
        error == .headerOverflow
            ? PostAnswer(
                status: 431, "arobust: the request's head may have \(headBytes) bytes and \(mostFields) fields")
            : PostAnswer(status: 400, "arobust: the request is not HTTP/1.1 (\(error))")
    }
}

extension PostAnswer {
    static let requestsTakeTooMuchMemory = PostAnswer(GRPCStatus.requestsTakeTooMuchMemory)
}
