package import Diagnosis
public import SystemSupport
internal import Telemetry

/// A filtered page of metrics, or a text of your own to report as one.
public struct MetricPage: Sendable, Hashable {
    /// The page in Prometheus's text format, without the lines that DLRover's agent drops.
    public let content: String
    /// When the scrape began, in whole seconds since 1970.
    public let timestamp: Int64

    /// - Parameter timestamp: in whole seconds since 1970; without it, now.
    public init(content: String, timestamp: Int64 = WallClock.seconds()) {
        self.content = content
        self.timestamp = timestamp
    }
}

extension MetricPage: ExpressibleByStringLiteral {
    /// A page with this content, collected now.
    public init(stringLiteral content: String) {
        self.init(content: content)
    }
}

extension DiagnosisDataType {
    /// A page of Prometheus metrics of another program than XPUTimer, as it came.
    package static let prometheusMetric = DiagnosisDataType(rawValue: "PROMETHEUS_METRIC")
}

/// What there is on a filtered page.
enum PageContent: Equatable {
    /// No line that is a metric: an empty page, HTML, JSON, compressed or random bytes. DLRover's agent sends such a page; to its master
    /// that is a sample without a hang line, which counts as a hang.
    case nothing
    /// Metrics, but without hang lines, or with one that DLRover's detector could not read: a DLRover master is not sent such a page.
    case metrics
    /// Metrics with hang lines.
    case hangLines

    /// Whether a page of any program has a sample. Lines end with a newline alone: a label's value may have other line ends.
    static func hasSample(_ page: String) -> Bool {
        page.utf8.split(separator: 0x0A).contains { line in
            // `{"a.name", label="x"} 1`: a name with other characters than letters.
            if line.starts(with: #"{""#.utf8) { return true }
            // An exemplar of OpenMetrics follows the sample: ` # {trace_id="x"} 0.67`.
            let mark = line.lastIndex(of: UInt8(ascii: "#"))
            return PrometheusSample(Substring(line)) != nil
                || mark.map { PrometheusSample(Substring(line[..<$0])) != nil } ?? false
        }
    }

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

/// What DLRover's agent keeps of an XPUTimer page (`dlrover/python/elastic_agent/datacollector/xpu_timer_metric_collector.py`):
/// lines that begin with neither `#` nor `exposer`, case-sensitive and untrimmed, joined by newlines. Empty lines stay. A byte order mark is
/// dropped first: in front of the first hang line it would hide that line from the master, which counts as a hang.
enum XPUTimerFilter {
    static func apply(to page: String) -> String {
        let kept = PythonLines.split(ByteOrderMark.dropped(from: page).utf8).filter { line in
            !line.starts(with: "#".utf8) && !line.starts(with: "exposer".utf8)
        }
        return String(decoding: Array(kept.joined(separator: "\n".utf8)), as: UTF8.self)
    }
}
