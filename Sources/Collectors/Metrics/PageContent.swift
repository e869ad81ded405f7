internal import Telemetry

/// What there is on a filtered page.
enum PageContent: Equatable {
    /// No line that is a metric: an empty page, HTML, JSON, compressed or random bytes. DLRover's agent sends such a page; to its master
    /// that is a sample without a hang line, which counts as a hang.
    case nothing
    /// Metrics, but no hang line that DLRover's detector could read: one with the value 0 or 1.
    case metrics
    /// Metrics with hang lines.
    case hangLines

    /// - Parameter page: lines that end with `\n`, as the filter makes them.
    init(of page: String) {
        self = .nothing
        for line in page.utf8.split(separator: 0x0A) {
            let isHang = line.drop { $0 == 0x20 || $0 == 0x09 }.starts(with: XPUTimerFilter.hangName.utf8)
            guard isHang || self == .nothing, let sample = PrometheusSample(Substring(line)) else { continue }
            if sample.name == XPUTimerFilter.hangName, sample.value == 0 || sample.value == 1 {
                self = .hangLines
                return
            }
            self = .metrics
        }
    }
}
