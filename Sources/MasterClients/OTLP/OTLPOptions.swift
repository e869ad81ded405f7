/// How an OTLP receiver is reported to, beside what `MasterClientOptions` says for all masters.
public struct OTLPOptions: Hashable, Sendable {
    /// Sent with every call: what lets this node in, a tenant.
    public var headers: [OTLPHeader] = []
    /// Whether requests are compressed, with gzip.
    public var compresses = false
    /// Whether XPUTimer's pages are sent as metrics instead of as log records.
    public var sendsMetrics = false
    /// The machine whose data is reported, as `host.name` names it; `nil`: it is not known.
    public var hostName: String?

    /// Makes the defaults.
    public init() {}
}

/// A header of HTTP, or gRPC's metadata.
public struct OTLPHeader: Hashable, Sendable {
    /// In lower case.
    public let name: String
    /// Printable ASCII. Never shown.
    public let value: String

    /// The names that say how a message is sent; nobody else may.
    private static let reserved: Set<String> = [
        "accept", "connection", "content-encoding", "content-length", "content-type", "host", "te", "transfer-encoding",
        "upgrade", "user-agent",
    ]

    /// - Returns: `nil` for a name or a value that no header may have, or that the client itself gives.
    public init?(name: String, value: String) {
        let name = name.lowercased()
        let isName: (UInt8) -> Bool = { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        // The bytes of a gRPC header that ends in -bin would have to be encoded.
        guard !name.isEmpty, name.utf8.allSatisfy(isName), !Self.reserved.contains(name), !name.hasPrefix("grpc-"),
            !name.hasSuffix("-bin"), !value.isEmpty, value.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else { return nil }
        self.name = name
        self.value = value
    }
}

/// A kind of data that OTLP has a service for.
enum OTLPSignal: Hashable, Sendable {
    case logs
    case metrics

    /// What follows the path of the receiver's URL, over HTTP.
    var path: String {
        switch self {
        case .logs: "/v1/logs"
        case .metrics: "/v1/metrics"
        }
    }

    /// The method's path, over gRPC.
    var method: String {
        switch self {
        case .logs: "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
        case .metrics: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
        }
    }
}
