internal import CoreMetrics
internal import GRPCServing

/// The listener's self-metrics: its calls, by what the clients speak, and its addresses.
struct ListenerMetrics: Sendable {
    /// Of one wire.
    struct Calls: Sendable {
        let published: Counter
        let refused: Counter
        let forwarded: Counter
        let failed: Counter

        fileprivate init(_ wire: ListenWire, factory: any MetricsFactory) {
            func counter(_ outcome: String) -> Counter {
                Counter(
                    label: "arobust_listener_calls_total",
                    dimensions: [("outcome", outcome), ("wire", wire.rawValue)], factory: factory)
            }
            published = counter("published")
            refused = counter("refused")
            forwarded = counter("forwarded")
            failed = counter("forward-failed")
        }
    }

    private let grpc: Calls
    private let http: Calls
    private let factory: any MetricsFactory

    init(factory: any MetricsFactory) {
        grpc = Calls(.grpc, factory: factory)
        http = Calls(.http, factory: factory)
        self.factory = factory
    }

    func calls(_ wire: ListenWire) -> Calls {
        switch wire {
        case .grpc: grpc
        case .http: http
        }
    }

    /// Notes that clients may call there: at most `ListenAddress.most` addresses.
    func record(_ address: ListenAddress) {
        Gauge(
            label: "arobust_listener_address_info", dimensions: [("address", "\(address)")], factory: factory
        ).record(1)
    }
}
