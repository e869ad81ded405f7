internal import CoreMetrics
internal import Logging
internal import ServiceLifecycle
internal import ZMQBridge

/// What reads the settings again while the process runs.
extension AgentServices {
    /// The same with other settings.
    func with(_ settings: AgentSettings) -> AgentServices {
        AgentServices(settings: settings, logger: logger, reloading: reloading)
    }

    /// - Parameters:
    ///   - parts: take other settings in this order, after the log's level.
    ///   - publisher: over whose socket somebody may ask for it; `nil`: only a signal does.
    /// - Returns: the reloader, if the settings can be read again.
    func makeReloader(
        for purpose: SettingsCheck.Purpose, of parts: [any ReloadablePart], publisher: MetricPublisher? = nil,
        factory: any MetricsFactory
    ) -> [any Service] {
        guard let reloading else { return [] }
        let level = SimplePart { reloading.level.level = $0.logLevel }
        let reloader = SettingsReloader(
            of: reloading.source, settings: settings, for: purpose, parts: [level] + parts, factory: factory,
            logger: logger)
        publisher?.reload(with: reloader)
        return [reloader]
    }

    /// - Parameter reports: whether this process reports to the masters itself.
    func publisherPart(_ publisher: MetricPublisher, reports: Bool) -> SimplePart {
        SimplePart { settings in
            var configuration = settings.publisher
            configuration.masters = reports ? try settings.masters().map { "\($0.url)" } : []
            configuration.network = try settings.networkBus()
            publisher.change(to: configuration)
        }
    }
}
