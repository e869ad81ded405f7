internal import HTTPTypes
package import Hummingbird
internal import Logging
private import SystemSupport

/// Looks at each request before any route does, and turns everything that goes wrong into a sentence.
package struct Gatekeeper<Context: RequestContext>: RouterMiddleware {
    /// What a server says to those whom it refuses.
    package struct Words: Sendable {
        /// What it calls itself: `this console`.
        var name: String
        /// What to do about a name that it does not answer to, after a colon.
        var hostAdvice: String
        /// What to do about a path that it does not have, after a colon.
        var pathAdvice: String

        package init(name: String, hostAdvice: String, pathAdvice: String) {
            self.name = name
            self.hostAdvice = hostAdvice
            self.pathAdvice = pathAdvice
        }
    }

    private let words: Words
    private let hosts: WebHosts
    private let limits: WebLimits
    private let counts: AnswerCounts
    private let admit: @Sendable (Request) throws -> Response?
    private let explain: @Sendable (any Error) -> Refusal?

    /// - Parameters:
    ///   - hosts: the names under which it answers.
    ///   - admit: throws a `Refusal` for who may not come in; a response is the whole answer.
    ///   - explain: what to say of an error of a route; `nil`: that it could not be answered.
    package init(
        words: Words, hosts: WebHosts, limits: WebLimits, counts: AnswerCounts,
        admit: @escaping @Sendable (Request) throws -> Response? = { _ in nil },
        explain: @escaping @Sendable (any Error) -> Refusal? = { _ in nil }
    ) {
        self.words = words
        self.hosts = hosts
        self.limits = limits
        self.counts = counts
        self.admit = admit
        self.explain = explain
    }

    package func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            try check(request)
            if let whole = try admit(request) {
                response = whole
            } else {
                response = try await next(request, context)
            }
        } catch let refusal as Refusal {
            response = refusal.response
        } catch let error as HTTPError where error.status == .notFound {
            response = Refusal.notFound("there is no \(Self.shown(request.uri.path)): \(words.pathAdvice)").response
        } catch {
            if let refusal = explain(error) {
                response = refusal.response
            } else {
                context.logger.warning(
                    "a request failed", metadata: ["path": "\(Self.shown(request.uri.path))", "error": "\(error)"])
                response = Refusal(.serviceUnavailable, "it could not be answered: \(error)").response
            }
        }
        SecurityHeaders.add(to: &response.headers)
        counts.countRequest(status: response.status.code)
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func check(_ request: Request) throws {
        guard request.method == .get || request.method == .head else {
            throw Refusal(.methodNotAllowed, "only GET and HEAD are allowed here", headers: [.allow: "GET, HEAD"])
        }
        guard request.headers[.transferEncoding] == nil, Int(request.headers[.contentLength] ?? "0") == 0 else {
            throw Refusal(
                .contentTooLarge, "a request here has no body: leave Content-Length and Transfer-Encoding out")
        }
        let target = request.head.path ?? ""
        guard target.utf8.count <= limits.targetBytes else {
            throw Refusal(
                .uriTooLong, "the target has \(target.utf8.count) bytes: at most \(limits.targetBytes) are allowed")
        }
        guard target.first == "/", target.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            throw Refusal.badRequest("the target must begin with / and be ASCII: write other bytes as %XX")
        }
        try checkOrigin(request)
    }

    /// Pages of other sites, and names of theirs that lead here, get nothing.
    private func checkOrigin(_ request: Request) throws {
        let host = request.head.authority ?? ""
        guard hosts.allows(authority: host), request.headers[values: .host].isEmpty else {
            throw Refusal(
                .misdirectedRequest,
                "\(words.name) does not answer to the name '\(Self.shown(host))': \(words.hostAdvice)")
        }
        if let origin = request.headers[.origin], !hosts.allows(origin: origin) {
            throw Refusal(.forbidden, "pages of '\(Self.shown(origin))' may not read \(words.name)")
        }
        if let site = request.headers[.secFetchSite], site != "same-origin", site != "none",
            !(request.uri.path == "/" && request.headers[.secFetchMode] == "navigate")
        {
            throw Refusal(.forbidden, "pages of other sites may not read \(words.name): open / instead")
        }
    }

    private static func shown(_ text: String) -> String { TerminalText.line(text, limit: 200) }
}

extension HTTPField.Name {
    // They are names that the type takes.
    static let host = Self("Host")!
    static let secFetchSite = Self("Sec-Fetch-Site")!
    static let secFetchMode = Self("Sec-Fetch-Mode")!
}
