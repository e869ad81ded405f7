internal import Collectors

extension AgentSettings {
    /// The metrics page to scrape, as a URL or as XPUTimer's port says; of both, the one from the stronger place. `nil`: none is set.
    func metricURL() throws(SettingsError) -> MetricURL? {
        let port = values.value("metrics.xpu-timer-port")
        let url = values.value("metrics.url")
        let portWins = (port?.origin.strength ?? -1) > (url?.origin.strength ?? -1)
        do throws(MetricURLError) {
            if portWins, let number = values.number("metrics.xpu-timer-port") {
                return try MetricURL(xpuTimerPort: number)
            }
            return try url.map { url throws(MetricURLError) in try MetricURL(url.texts.joined()) }
        } catch {
            throw SettingsError(
                place: place(of: portWins ? "metrics.xpu-timer-port" : "metrics.url"), reason: "\(error)")
        }
    }
}
