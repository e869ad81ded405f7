package import JetStream
internal import SystemSupport

/// Names a master and how to reach it: `dlrover+grpc://host:port` (or just `host:port`), `dlrover+http://host:port`, `arobust://host:port`,
/// `otlp+grpc://host:port`, `otlp+http://host:port/path`, the same over TLS as `dlrover+grpcs`, `dlrover+https`, `arobusts`, `otlp+grpcs` and
/// `otlp+https`, `file:///path.ndjson` or `stdout:`.
///
/// `description` is the canonical form: two texts that mean the same master have the same one, so it can name a consumer.
public struct MasterURL: Hashable, Sendable {
    /// A kind of master, with what is needed to reach it.
    ///
    /// To add a kind, add a case here and its scheme to `Scheme`. The compiler then points at everything that must know it: the parser and
    /// `description`, `isDLRover` and `makeReporter` in this file, and `makeRelay`.
    package enum Target: Hashable, Sendable {
        /// DLRover's master over gRPC. The host is in lower case; an IPv6 address has no brackets.
        case dlroverGRPC(host: String, port: Int)
        /// DLRover's master over HTTP/1.1.
        case dlroverHTTP(host: String, port: Int)
        /// An arobust console, over gRPC.
        case console(host: String, port: Int)
        /// An OTLP receiver over gRPC.
        case otlpGRPC(host: String, port: Int)
        /// An OTLP receiver over HTTP/1.1. The path stands before `/v1/logs`: empty, or with a slash before and none behind.
        case otlpHTTP(host: String, port: Int, path: String)
        /// A stream of NATS JetStream.
        case jetStream(StreamAddress)
        /// A file that gets one metric a line. The path is absolute and used as it is written, without percent-decoding.
        case file(path: String)
        /// Standard output, one metric a line.
        case standardOutput
    }

    /// The words before the colon, in lower case.
    private enum Scheme: String {
        case dlroverGRPC = "dlrover+grpc"
        case dlroverHTTP = "dlrover+http"
        case arobust
        case dlroverGRPCS = "dlrover+grpcs"
        case dlroverHTTPS = "dlrover+https"
        case arobusts
        case otlpGRPC = "otlp+grpc"
        case otlpHTTP = "otlp+http"
        case otlpGRPCS = "otlp+grpcs"
        case otlpHTTPS = "otlp+https"
        case file
        case stdout
        case nats
        case natss

        /// Whether it goes over TLS.
        var isSecure: Bool {
            [.dlroverGRPCS, .dlroverHTTPS, .arobusts, .otlpGRPCS, .otlpHTTPS, .natss].contains(self)
        }
    }

    package let target: Target
    /// Whether it is reached over TLS, with a certificate that is checked.
    package let isSecure: Bool

    /// Whether this is a DLRover master, whatever the protocol.
    package var isDLRover: Bool {
        switch target {
        case .dlroverGRPC, .dlroverHTTP: true
        case .console, .otlpGRPC, .otlpHTTP, .jetStream, .file, .standardOutput: false
        }
    }

    /// Whether it is an arobust console.
    package var isConsole: Bool {
        if case .console = target { true } else { false }
    }

    /// Whether it is an OTLP receiver, whatever the protocol.
    package var isOTLP: Bool {
        switch target {
        case .otlpGRPC, .otlpHTTP: true
        case .dlroverGRPC, .dlroverHTTP, .console, .jetStream, .file, .standardOutput: false
        }
    }

    /// Whether it is a stream of NATS JetStream.
    package var isStream: Bool {
        if case .jetStream = target { true } else { false }
    }

    /// Whether it is the same one wherever it is named.
    package var isOnNetwork: Bool {
        switch target {
        case .dlroverGRPC, .dlroverHTTP, .console, .jetStream, .otlpGRPC, .otlpHTTP: true
        case .file, .standardOutput: false
        }
    }

    /// - Precondition: a host and port, or a path, that the text form could have.
    init(target: Target, isSecure: Bool = false) {
        self.target = target
        self.isSecure = isSecure
    }
}

extension MasterURL: CustomStringConvertible {
    public var description: String {
        func url(_ scheme: Scheme, _ host: String, _ port: Int) -> String {
            "\(scheme.rawValue)\(isSecure ? "s" : "")://\(Self.authority(host, port))"
        }
        return switch target {
        case .dlroverGRPC(let host, let port): url(.dlroverGRPC, host, port)
        case .dlroverHTTP(let host, let port): url(.dlroverHTTP, host, port)
        case .console(let host, let port): url(.arobust, host, port)
        case .otlpGRPC(let host, let port): url(.otlpGRPC, host, port)
        case .otlpHTTP(let host, let port, let path): url(.otlpHTTP, host, port) + path
        case .jetStream(let address):
            "\(Scheme.nats.rawValue)\(isSecure ? "s" : "")://\(address.servers.joined(separator: ","))/\(address.stream)"
        case .file(let path): "\(Scheme.file.rawValue)://\(path)"
        case .standardOutput: "\(Scheme.stdout.rawValue):"
        }
    }

    /// `host:port` as it is written in a URL: an IPv6 address in brackets.
    static func authority(_ host: String, _ port: Int) -> String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

extension MasterURL {
    /// Reads a master's URL; a bare `host:port` means `dlrover+grpc://host:port`.
    ///
    /// - Throws: `MasterURLError` that says what is wrong and what is allowed.
    public init(_ text: String) throws(MasterURLError) {
        guard let (word, rest) = Self.splitScheme(text) else {
            if let error = Self.misspeltScheme(text) { throw error }
            target = try Self.hostAndPort(text, in: text) { .dlroverGRPC(host: $0, port: $1) }
            isSecure = false
            return
        }
        guard let scheme = Scheme(rawValue: word.lowercased()) else {
            throw MasterURLError(text: text, reason: "the scheme '\(word)' is not known" + Self.suggestion(for: word))
        }
        isSecure = scheme.isSecure
        switch scheme {
        case .dlroverGRPC, .dlroverGRPCS:
            target = try Self.hostAndPort(try Self.afterSlashes(rest, in: text), in: text) {
                .dlroverGRPC(host: $0, port: $1)
            }
        case .dlroverHTTP, .dlroverHTTPS:
            target = try Self.hostAndPort(try Self.afterSlashes(rest, in: text), in: text) {
                .dlroverHTTP(host: $0, port: $1)
            }
        case .arobust, .arobusts:
            target = try Self.hostAndPort(try Self.afterSlashes(rest, in: text), in: text) {
                .console(host: $0, port: $1)
            }
        case .otlpGRPC, .otlpGRPCS:
            target = try Self.hostAndPort(try Self.afterSlashes(rest, in: text), in: text) {
                .otlpGRPC(host: $0, port: $1)
            }
        case .otlpHTTP, .otlpHTTPS:
            let (authority, path) = try Self.splitPath(try Self.afterSlashes(rest, in: text), in: text)
            target = try Self.hostAndPort(authority, in: text) { .otlpHTTP(host: $0, port: $1, path: path) }
        case .file:
            target = .file(path: try Self.path(rest, in: text))
        case .stdout:
            guard rest.isEmpty else { throw MasterURLError(text: text, reason: "nothing may follow 'stdout:'") }
            target = .standardOutput
        case .nats, .natss:
            target = .jetStream(try Self.stream(try Self.afterSlashes(rest, in: text), isSecure: isSecure, in: text))
        }
    }

    /// What comes before and after the first colon, if that makes it a URL rather than `host:port`.
    private static func splitScheme(_ text: String) -> (scheme: Substring, rest: Substring)? {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let scheme = text[..<colon]
        let rest = text[text.index(after: colon)...]
        let known = [Scheme.file, .stdout].contains(Scheme(rawValue: scheme.lowercased())) && !isNumber(rest)
        return known || rest.hasPrefix("//") ? (scheme, rest) : nil
    }

    /// The error for `stdoutt:`, `stdout` or `fil:/x`, which are no `host:port` either.
    private static func misspeltScheme(_ text: String) -> MasterURLError? {
        let word = text.prefix { $0 != ":" }
        let rest = text.dropFirst(word.count + 1)
        guard rest.isEmpty || rest.hasPrefix("/"), case let suggestion = suggestion(for: word), !suggestion.isEmpty
        else {
            return nil
        }
        return MasterURLError(text: text, reason: "the scheme '\(word)' is not known" + suggestion)
    }

    /// ` (did you mean 'stdout:'?)` for a word that is nearly a scheme; else empty.
    private static func suggestion(for word: Substring) -> String {
        guard word.utf8.count <= 20 else { return "" }
        let schemes: [Scheme] = [
            .stdout, .file, .nats, .arobust, .dlroverGRPC, .dlroverHTTP, .otlpGRPC, .otlpHTTP, .natss, .arobusts,
            .dlroverGRPCS, .dlroverHTTPS, .otlpGRPCS, .otlpHTTPS,
        ]
        let near = schemes.first { EditDistance.between(word.lowercased(), $0.rawValue) <= 2 }
        return near.map { " (did you mean '\($0.rawValue):'?)" } ?? ""
    }

    private static func afterSlashes(_ rest: Substring, in text: String) throws(MasterURLError) -> Substring {
        guard rest.hasPrefix("//") else { throw MasterURLError(text: text, reason: "expected '//' after the scheme") }
        return rest.dropFirst(2)
    }

    private static func hostAndPort<Made>(
        _ authority: some StringProtocol, in text: String, make: (String, Int) -> Made
    ) throws(MasterURLError) -> Made {
        let trimmed = authority.hasSuffix("/") ? Substring(authority.dropLast()) : Substring(authority)
        guard let colon = trimmed.lastIndex(of: ":") else { throw MasterURLError(text: text, reason: "it has no port") }
        let digits = trimmed[trimmed.index(after: colon)...]
        guard isNumber(digits), let port = Int(digits), (1...65535).contains(port) else {
            throw MasterURLError(text: text, reason: "the port must be a whole number from 1 to 65535")
        }
        return make(try host(trimmed[..<colon], in: text), port)
    }

    /// `host:port,host:port/STREAM`.
    private static func stream(
        _ rest: Substring, isSecure: Bool, in text: String
    ) throws(MasterURLError) -> StreamAddress {
        guard let slash = rest.firstIndex(of: "/") else {
            throw MasterURLError(text: text, reason: "it has no stream, as in nats://host:4222/arobust")
        }
        let name = String(rest[rest.index(after: slash)...])
        guard StreamAddress.isValid(stream: name) else {
            throw MasterURLError(
                text: text, reason: "a stream's name has 1 to 255 of the characters A-Z a-z 0-9 _ -")
        }
        var servers: [String] = []
        for server in rest[..<slash].split(separator: ",", omittingEmptySubsequences: false) {
            let written = try hostAndPort(server, in: text) { host, port in authority(host, port) }
            if !servers.contains(written) { servers.append(written) }
        }
        return StreamAddress(servers: servers, stream: name, isSecure: isSecure)
    }

    private static func host(_ written: Substring, in text: String) throws(MasterURLError) -> String {
        let lower = written.lowercased()
        if lower.hasPrefix("["), lower.hasSuffix("]") {
            let address = String(lower.dropFirst().dropLast())
            guard isIPv6(address) else {
                throw MasterURLError(text: text, reason: "an IPv6 address must stand in the brackets")
            }
            return address
        }
        guard !lower.isEmpty else { throw MasterURLError(text: text, reason: "it has no host") }
        guard !lower.contains(":") else {
            throw MasterURLError(text: text, reason: "an IPv6 address must stand in brackets, as in [::1]:50001")
        }
        guard lower.utf8.allSatisfy(isHostByte) else {
            throw MasterURLError(
                text: text, reason: "the host must be a name or an address, without user, path or query")
        }
        return lower
    }

    private static func path(_ rest: Substring, in text: String) throws(MasterURLError) -> String {
        guard rest.hasPrefix("///") else {
            throw MasterURLError(
                text: text, reason: "a file needs an absolute path, as in file:///var/log/metrics.ndjson")
        }
        let path = String(rest.dropFirst(2))
        guard !path.hasSuffix("/") else { throw MasterURLError(text: text, reason: "it names a directory") }
        guard !path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw MasterURLError(text: text, reason: "the path has a control character")
        }
        return path
    }

    private static func isNumber(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
            UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// Whether `text` looks like an address of RFC 4291, with an optional zone; the resolver has the last word.
    private static func isIPv6(_ text: String) -> Bool {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        let address = parts[0]
        guard address.count(where: { $0 == ":" }) >= 2, address.utf8.count <= 45 else { return false }
        guard address.utf8.allSatisfy({ isHexDigit($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }) else {
            return false
        }
        return parts.count == 1 || (!parts[1].isEmpty && parts[1].utf8.allSatisfy(isHostByte))
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
