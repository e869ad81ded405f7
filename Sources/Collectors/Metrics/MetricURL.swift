private import SystemSupport

/// The address of a metrics page: `http://host[:port][/path]`. Nothing but plain HTTP, without user names.
public struct MetricURL: Hashable, Sendable {
    /// A name or an address; an IPv6 address without its brackets.
    public let host: String
    /// 80 if the text has none.
    public let port: Int
    /// As it is asked for; `description` hides what is secret in it.
    let text: String
    /// What the server is asked for: the path and the query.
    let target: String

    /// XPUTimer's page on this machine, where DLRover's agent asks for it (`XPU_TIMER_PORT`).
    ///
    /// - Throws: `MetricURLError` for a port outside 1...65535.
    public init(xpuTimerPort port: Int) throws(MetricURLError) {
        try self.init("http://127.0.0.1:\(port)/metrics")
    }

    /// - Throws: `MetricURLError` that says what is wrong with `text`.
    public init(_ text: String) throws(MetricURLError) {
        func refuse(_ reason: String) -> MetricURLError { MetricURLError(url: text, reason: reason) }
        let scheme = "http://"
        guard text.utf8.count > scheme.utf8.count, text.lowercased().hasPrefix(scheme) else {
            throw refuse("it must begin with http:// and name a host")
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw refuse("it must be of printable ASCII characters without spaces")
        }
        let authority = text.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.contains("@") else { throw refuse("it must not have a user name") }
        let hostEnd: Substring.Index
        if authority.first == "[" {
            guard let bracket = authority.firstIndex(of: "]") else { throw refuse("the host's bracket is not closed") }
            host = String(authority[authority.index(after: authority.startIndex)..<bracket])
            hostEnd = authority.index(after: bracket)
        } else {
            hostEnd = authority.firstIndex(of: ":") ?? authority.endIndex
            host = String(authority[..<hostEnd])
        }
        guard !host.isEmpty else { throw refuse("it must name a host") }
        let rest = authority[hostEnd...]
        if rest.isEmpty {
            port = 80
        } else {
            guard rest.first == ":", let port = Int(digits: rest.dropFirst()), (1...65535).contains(port) else {
                throw refuse("after the host only a port of 1 to 65535 is allowed")
            }
            self.port = port
        }
        self.text = text
        let path = text.dropFirst(scheme.count + authority.count).prefix { $0 != "#" }
        target = path.first == "/" ? String(path) : "/\(path)"
    }
}

extension MetricURL: CustomStringConvertible {
    /// Without secrets in its query.
    public var description: String { SecretText.hidden(in: text) }
}

/// Why a text is not the address of a metrics page.
public struct MetricURLError: Error, Hashable, CustomStringConvertible {
    /// The text that was given.
    public let url: String
    /// What is wrong with it.
    public let reason: String

    public var description: String { "'\(SecretText.line(url))' is not the address of a metrics page: \(reason)" }
}
