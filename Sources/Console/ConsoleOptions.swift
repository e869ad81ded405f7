private import SystemSupport
package import WebServing

/// What a console's page and API are told by the operator.
package struct ConsoleOptions: Sendable {
    /// An address or a name to listen at, an IPv6 address without brackets.
    package var host: String
    /// 0: any free one.
    package var port: Int
    /// Further names under which browsers may call it, without ports.
    package var names: [String]
    /// What a caller must know; `nil`: nothing.
    package var token: String?
    /// The job's name, shown on the page.
    package var job: String?
    package var limits = ConsoleLimits()

    package init(
        host: String = "127.0.0.1", port: Int = 8080, names: [String] = [], token: String? = nil,
        job: String? = nil
    ) {
        self.host = host
        self.port = port
        self.names = names
        self.token = token
        self.job = job
    }

    private static let shortestToken = 16

    /// - Throws: ``ConsoleOptionsError`` for what would let strangers in.
    package func check() throws {
        if let token, token.utf8.count < Self.shortestToken {
            throw ConsoleOptionsError(
                "the console's token has \(token.utf8.count) bytes: it needs at least \(Self.shortestToken), "
                    + "such as `head -c 24 /dev/urandom | base64` prints")
        }
        if let token, !token.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) {
            throw ConsoleOptionsError(
                "the console's token has spaces or letters beyond ASCII: browsers can't send these")
        }
        guard token == nil, !WebHosts.isLoopback(host) else { return }
        throw ConsoleOptionsError(
            "\(TerminalText.line(host)) is beyond loopback, and without a token everybody there could read the training's logs: "
                + "give a token, or listen at 127.0.0.1 and reach it through `ssh -L`")
    }
}

/// What a caller may use. The defaults are for people's browsers; tests take less.
package struct ConsoleLimits: Sendable {
    package var web = WebLimits()
    package var readers = 200
    /// The longest pause of the stream of events.
    package var heartbeat = Duration.seconds(10)
    /// The shortest pause between two events.
    package var eventPause = Duration.seconds(1)

    package init() {}
}

/// Options with which a console would not be safe, or can't work.
package struct ConsoleOptionsError: Error, CustomStringConvertible {
    /// A sentence that says what to do.
    package let description: String

    init(_ description: String) { self.description = description }
}
