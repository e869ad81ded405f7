internal import ConsoleStore
internal import HTTPTypes
internal import Hummingbird
internal import Logging
private import SystemSupport

/// Looks at each request before any route does, and turns everything that goes wrong into a sentence.
struct Gatekeeper<Context: RequestContext>: RouterMiddleware {
    let hosts: WebHosts
    let pass: TokenPass?
    let limits: ConsoleLimits
    let counts: ConsoleCounts

    func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            try check(request)
            if let redirect = try admit(request) {
                response = redirect
            } else {
                response = try await next(request, context)
            }
        } catch let refusal as Refusal {
            response = refusal.response
        } catch let error as HTTPError where error.status == .notFound {
            response =
                Refusal.notFound("there is no \(Self.shown(request.uri.path)): the API's paths begin with /api/v1/")
                .response
        } catch let error as ConsoleStoreError {
            response = Refusal(error.kind == .question ? .badRequest : .serviceUnavailable, error.description).response
        } catch {
            context.logger.warning(
                "a request failed", metadata: ["path": "\(Self.shown(request.uri.path))", "error": "\(error)"])
            response = Refusal(.serviceUnavailable, "the store could not answer: \(error)").response
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
                "this console does not answer to the name '\(Self.shown(host))': use localhost or its address, or start it with "
                    + "--web-host NAME")
        }
        if let origin = request.headers[.origin], !hosts.allows(origin: origin) {
            throw Refusal(.forbidden, "pages of '\(Self.shown(origin))' may not read this console")
        }
        if let site = request.headers[.secFetchSite], site != "same-origin", site != "none",
            !(request.uri.path == "/" && request.headers[.secFetchMode] == "navigate")
        {
            throw Refusal(.forbidden, "pages of other sites may not read this console: open / instead")
        }
    }

    /// - Returns: where to go with the cookie, for who came with the token in the address.
    private func admit(_ request: Request) throws -> Response? {
        guard let pass, request.uri.path != "/healthz" else { return nil }
        if request.uri.path == "/", let token = try QueryParameters(request).text("token") {
            guard pass.isToken(token) else { throw Refusal(.unauthorized, "this is not the console's token") }
            return Response(status: .seeOther, headers: [.location: "/", .setCookie: pass.cookie])
        }
        if let given = request.headers[.authorization], given.hasPrefix("Bearer "),
            pass.isToken(String(given.dropFirst(7)))
        {
            return nil
        }
        if request.headers[values: .cookie].contains(where: pass.isInCookie) { return nil }
        throw Refusal(
            .unauthorized,
            "this console wants its token: open /?token=TOKEN once, or send the header `Authorization: Bearer TOKEN`",
            headers: [.wwwAuthenticate: "Bearer"])
    }

    private static func shown(_ text: String) -> String { TerminalText.line(text, limit: 200) }
}

extension HTTPField.Name {
    // They are names that the type takes.
    static let host = Self("Host")!
    static let secFetchSite = Self("Sec-Fetch-Site")!
    static let secFetchMode = Self("Sec-Fetch-Mode")!
}

/// What shows that a caller knows the token.
struct TokenPass: Sendable {
    private let token: String
    /// Stands for the token in a browser: other servers on the same machine are sent the cookie, too.
    private let session: String
    private let isSecure: Bool
    private static let name = "arobust_console"

    /// - Parameters:
    ///   - session: a secret of its own.
    ///   - isSecure: whether the console speaks TLS: browsers then never send the cookie in plain text.
    init(token: String, session: String, isSecure: Bool) {
        self.token = token
        self.session = session
        self.isSecure = isSecure
    }

    /// What `Set-Cookie` says.
    var cookie: String { "\(Self.name)=\(session); Path=/; HttpOnly; SameSite=Strict\(isSecure ? "; Secure" : "")" }

    func isToken(_ text: String) -> Bool { Self.isEqual(text, token) }

    /// - Parameter cookies: what a `Cookie` header says.
    func isInCookie(_ cookies: String) -> Bool {
        cookies.split(separator: ";").contains { pair in
            let pair = pair.drop { $0 == " " }
            return pair.hasPrefix("\(Self.name)=") && Self.isEqual(String(pair.dropFirst(Self.name.count + 1)), session)
        }
    }

    /// Takes as long for a wrong text as for the right one.
    private static func isEqual(_ text: String, _ secret: String) -> Bool {
        let (text, secret) = (Array(text.utf8), Array(secret.utf8))
        guard text.count == secret.count else { return false }
        return zip(text, secret).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
