internal import Collectors

extension AgentSettings {
    /// The metrics page to scrape: a given URL, else a given port's, else `XPU_TIMER_PORT`'s; `nil` if none is set.
    func metricURL() throws(SettingsError) -> MetricURL? {
        let port = values.value("metrics.xpu-timer-port")
        do throws(MetricURLError) {
            if let url = values.value("metrics.url") { return try MetricURL(url.texts.joined()) }
            if let port, let number = Int(port.texts.joined()) { return try MetricURL(xpuTimerPort: number) }
        } catch {
            throw SettingsError(
                place: "\(values.value("metrics.url")?.origin ?? port?.origin ?? .standard)", reason: "\(error)")
        }
        guard let text = environment["XPU_TIMER_PORT"], !text.isEmpty else { return nil }
        guard let number = Int(text), let url = try? MetricURL(xpuTimerPort: number) else {
            throw SettingsError(
                place: "environment variable XPU_TIMER_PORT", reason: "it is '\(text)'; it must be a port, 1 to 65535")
        }
        return url
    }
}
