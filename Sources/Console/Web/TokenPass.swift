internal import HTTPTypes
internal import Hummingbird
internal import WebServing

/// What shows that a caller knows the token.
struct TokenPass: Sendable {
    private let token: BearerToken
    /// Stands for the token in a browser: other servers on the same machine are sent the cookie, too.
    private let session: BearerToken
    private let isSecure: Bool
    private static let name = "arobust_console"

    /// - Parameters:
    ///   - session: a secret of its own.
    ///   - isSecure: whether the console speaks TLS: browsers then never send the cookie in plain text.
    init(token: String, session: String, isSecure: Bool) {
        self.token = BearerToken(token)
        self.session = BearerToken(session)
        self.isSecure = isSecure
    }

    /// What `Set-Cookie` says.
    private var cookie: String {
        "\(Self.name)=\(session.secret); Path=/; HttpOnly; SameSite=Strict\(isSecure ? "; Secure" : "")"
    }

    /// - Returns: where to go with the cookie, for who came with the token in the address; `nil` for who may come in.
    /// - Throws: a `Refusal` for everybody else.
    func admit(_ request: Request) throws -> Response? {
        guard request.uri.path != "/healthz" else { return nil }
        if request.uri.path == "/", let given = try QueryParameters(request).text("token") {
            guard token.isEqual(given) else { throw Refusal(.unauthorized, "this is not the console's token") }
            return Response(status: .seeOther, headers: [.location: "/", .setCookie: cookie])
        }
        if token.isBrought(by: request) { return nil }
        if request.headers[values: .cookie].contains(where: isInCookie) { return nil }
        throw Refusal(
            .unauthorized,
            "this console wants its token: open /?token=TOKEN once, or send the header `Authorization: Bearer TOKEN`",
            headers: [.wwwAuthenticate: "Bearer"])
    }

    /// - Parameter cookies: what a `Cookie` header says.
    private func isInCookie(_ cookies: String) -> Bool {
        cookies.split(separator: ";").contains { pair in
            let pair = pair.drop { $0 == " " }
            return pair.hasPrefix("\(Self.name)=") && session.isEqual(String(pair.dropFirst(Self.name.count + 1)))
        }
    }
}
