internal import Diagnosis
internal import Telemetry

/// What there is on a filtered page.
enum PageContent: Equatable {
    /// No line that is a metric: an empty page, HTML, JSON, compressed or random bytes. DLRover's agent sends such a page; to its master
    /// that is a sample without a hang line, which counts as a hang.
    case nothing
    /// Metrics, but without hang lines, or with one that DLRover's detector could not read: a DLRover master is not sent such a page.
    case metrics
    /// Metrics with hang lines.
    case hangLines

    /// - Parameter page: what the filter has left.
    init(of page: String) {
        var (hasMetric, hasHang, hasUnusable) = (false, false, false)
        for line in PythonLines.split(page[...].utf8) {
            switch HangLine.kind(of: line) {
            case .hang: (hasMetric, hasHang) = (true, true)
            case .unusable:
                hasUnusable = true
                fallthrough
            case .lookalike, .other: hasMetric = hasMetric || PrometheusSample(Substring(line)) != nil
            }
        }
        self = !hasMetric ? .nothing : hasHang && !hasUnusable ? .hangLines : .metrics
    }
}
