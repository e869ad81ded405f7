package import Inspection
package import Telemetry

/// What a monitor shows of its process.
package struct MonitoredProcess: Sendable {
    let registry: TelemetryRegistry
    let masters: @Sendable () -> Set<String>?
    let isPublisher: Bool
    let state: @Sendable () async -> NodeState

    /// - Parameters:
    ///   - registry: what the process counts about itself.
    ///   - isPublisher: whether journal and lanes are its own.
    ///   - masters: those of a bridge, which shows no other consumers; `nil`: all consumers of the publisher.
    ///   - state: finds out how things stand. May take long; is never called twice at a time.
    package init(
        registry: TelemetryRegistry, isPublisher: Bool,
        masters: @autoclosure @escaping @Sendable () -> Set<String>? = nil,
        state: @escaping @Sendable () async -> NodeState
    ) {
        self.registry = registry
        self.isPublisher = isPublisher
        self.masters = masters
        self.state = state
    }
}
