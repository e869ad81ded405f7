internal import Inspection
internal import Logging
internal import Monitoring
internal import ServiceLifecycle
internal import SystemSupport
internal import Telemetry
internal import ZMQBridge

/// What shows over HTTP how the process is, where `http.listen` says so.
extension AgentServices {
    /// The server, to stand first of the services, so that it still answers while the others end; and what tells it of the end, to stand last.
    struct Monitor {
        var server: [any Service] = []
        var end: [any Service] = []
    }

    /// Of a publisher's process.
    ///
    /// - Parameter part: what it has to do.
    func monitor(of publisher: MetricPublisher, _ registry: TelemetryRegistry, part: Health.Part) throws -> Monitor {
        let queue = BlockingQueue(label: "arobust.monitor", pool: .state)
        let (directory, consumers) = (publisher.directory, try settings.consumersHome())
        return try monitor(
            MonitoredProcess(registry: registry, isPublisher: true) {
                await queue.run {
                    NodeState(of: directory, consumers: consumers, part: part) { try publisher.status() }
                }
            })
    }

    /// Of a bridge.
    func monitor(of bridge: BridgeAgent, _ registry: TelemetryRegistry) throws -> Monitor {
        let consumers = try settings.consumersHome()
        let places = try settings.readDirectories().map { ($0, consumers) }
        return try monitor(
            MonitoredProcess(registry: registry, isPublisher: false, masters: bridge.masters) {
                await NodeState.ofBridge(places)
            })
    }

    private func monitor(_ process: @autoclosure () throws -> MonitoredProcess) throws -> Monitor {
        guard let address = try settings.monitorAddress() else { return Monitor() }
        let server = MonitorServer(
            at: address, token: try settings.monitorToken(), security: try settings.monitorSecurity(logger: logger),
            process: try process(), logger: logger)
        return Monitor(server: [server], end: [EndNotice(server: server)])
    }

    /// Tells the server as soon as the process is to end.
    private struct EndNotice: Service {
        let server: MonitorServer

        func run() async {
            try? await gracefulShutdown()
            server.recordEnd()
        }
    }
}

extension AgentSettings {
    /// The descriptors of the server for metrics and health are those of so many masters.
    var mastersForMonitor: Int { values[\.http.listen] == nil ? 0 : 2 }
}
