private import Glibc
internal import SystemSupport

/// Where NCCL's RAS listens: `localhost:28028`, `[::1]:28028`, as in `NCCL_RAS_ADDR`.
package struct RASAddress: Hashable, Sendable, CustomStringConvertible {
    /// NCCL's own (`NCCL_RAS_CLIENT_PORT`), where a text names none.
    static let standardPort = 28028
    package static let rule = "a host and a port (localhost:28028, [::1]:28028), or auto"

    /// A name or an address; an IPv6 address without its brackets.
    package let host: String
    package let port: Int

    init(host: String, port: Int = Self.standardPort) {
        self.host = host
        self.port = port
    }

    /// Where RAS listens on every address, it is asked on this machine's own.
    package init?(_ text: String) {
        guard text.utf8.count <= 255, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") })
        else { return nil }
        var host = text[...]
        var port = Substring("\(Self.standardPort)")
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            if !rest.isEmpty { port = rest.dropFirst() }
        } else if let colon = text.firstIndex(of: ":"), colon == text.lastIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard let number = Int(port), (1...65535).contains(number) else { return nil }
        self.port = number
        self.host =
            switch host {
            case "", "0.0.0.0": "localhost"
            case "::": "::1"
            default: String(host)
            }
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Whom to ask.
package enum RASTarget: Hashable, Sendable {
    case addresses([RASAddress])
    /// What the training processes of this node say in `NCCL_RAS_ADDR`, or NCCL's standard address; nobody where none runs.
    case ranks

    /// Stands for the ranks in a setting.
    package static let automatic = "auto"

    /// Blocks on `/proc` where the ranks are asked.
    package func addresses() -> [RASAddress] {
        switch self {
        case .addresses(let addresses): return addresses
        case .ranks:
            var found: [RASAddress] = []
            for rank in LocalRank.all() where rank.environment["NCCL_RAS_ENABLE"] != "0" {
                let address = rank.environment["NCCL_RAS_ADDR"].map(RASAddress.init) ?? RASAddress(host: "localhost")
                if let address, !found.contains(address) { found.append(address) }
            }
            return found
        }
    }
}
