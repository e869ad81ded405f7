/// Names a master and how to reach it.
///
/// `description` is the canonical form: two texts that mean the same master give the same one, so it can name a consumer.
public struct MasterURL: Hashable, Sendable {
    /// What the URL's scheme and rest mean.
    public enum Target: Hashable, Sendable {
        /// DLRover's master over gRPC in plain text. The host is in lower case, an IPv6 address without brackets.
        case dlroverGRPC(host: String, port: Int)
        /// DLRover's master over HTTP/1.1 in plain text.
        case dlroverHTTP(host: String, port: Int)
        /// A file that takes a metric a line. The path is absolute and taken as it stands, without percent-decoding.
        case file(path: String)
        /// Standard output, a metric a line.
        case standardOutput
    }

    public let target: Target

    /// Whether a DLRover master is named, whatever the protocol.
    public var isDLRover: Bool {
        switch target {
        case .dlroverGRPC, .dlroverHTTP: true
        case .file, .standardOutput: false
        }
    }

    /// - Precondition: a host and port, or a path, that the text form could have.
    init(target: Target) {
        self.target = target
    }
}

extension MasterURL: CustomStringConvertible {
    public var description: String {
        switch target {
        case .dlroverGRPC(let host, let port): "dlrover+grpc://\(Self.authority(host, port))"
        case .dlroverHTTP(let host, let port): "dlrover+http://\(Self.authority(host, port))"
        case .file(let path): "file://\(path)"
        case .standardOutput: "stdout:"
        }
    }

    /// `host:port` as it stands in a URL: an IPv6 address in brackets.
    static func authority(_ host: String, _ port: Int) -> String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
