extension MasterURL {
    /// Reads a master's URL; a bare `host:port` means `dlrover+grpc://host:port`.
    public init(_ text: String) throws(MasterURLError) {
        guard let (scheme, rest) = Self.splitScheme(text) else {
            target = try Self.dlrover(text, in: text) { .dlroverGRPC(host: $0, port: $1) }
            return
        }
        switch scheme.lowercased() {
        case "dlrover+grpc":
            target = try Self.dlrover(try Self.afterSlashes(rest, in: text), in: text) {
                .dlroverGRPC(host: $0, port: $1)
            }
        case "dlrover+http":
            target = try Self.dlrover(try Self.afterSlashes(rest, in: text), in: text) {
                .dlroverHTTP(host: $0, port: $1)
            }
        case "file":
            target = .file(path: try Self.path(rest, in: text))
        case "stdout":
            guard rest.isEmpty else { throw MasterURLError(text: text, reason: "nothing may follow 'stdout:'") }
            target = .standardOutput
        case "arobust", "nats":
            throw MasterURLError(text: text, reason: "'\(scheme)' is not yet supported")
        default:
            throw MasterURLError(text: text, reason: "the scheme '\(scheme)' is not known")
        }
    }

    /// What stands before and after the first colon, if that makes it a URL rather than `host:port`.
    private static func splitScheme(_ text: String) -> (scheme: Substring, rest: Substring)? {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let scheme = text[..<colon]
        let rest = text[text.index(after: colon)...]
        let known = ["file", "stdout"].contains(scheme.lowercased()) && !isNumber(rest)
        return known || rest.hasPrefix("//") ? (scheme, rest) : nil
    }

    private static func afterSlashes(_ rest: Substring, in text: String) throws(MasterURLError) -> Substring {
        guard rest.hasPrefix("//") else { throw MasterURLError(text: text, reason: "expected '//' after the scheme") }
        return rest.dropFirst(2)
    }

    private static func dlrover(
        _ authority: some StringProtocol, in text: String, make: (String, Int) -> Target
    ) throws(MasterURLError) -> Target {
        let trimmed = authority.hasSuffix("/") ? Substring(authority.dropLast()) : Substring(authority)
        guard let colon = trimmed.lastIndex(of: ":") else { throw MasterURLError(text: text, reason: "it has no port") }
        let digits = trimmed[trimmed.index(after: colon)...]
        guard isNumber(digits), let port = Int(digits), (1...65535).contains(port) else {
            throw MasterURLError(text: text, reason: "the port must be a whole number from 1 to 65535")
        }
        return make(try host(trimmed[..<colon], in: text), port)
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
