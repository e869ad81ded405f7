internal import Diagnosis

/// What DLRover's agent keeps of an XPUTimer page (`dlrover/python/elastic_agent/datacollector/xpu_timer_metric_collector.py`):
/// lines that begin with neither `#` nor `exposer`, case-sensitive and untrimmed, joined by newlines. Empty lines stay.
enum XPUTimerFilter {
    static func apply(to page: String) -> String {
        let kept = PythonLines.split(page[...].utf8).filter { line in
            !line.starts(with: "#".utf8) && !line.starts(with: "exposer".utf8)
        }
        return String(decoding: Array(kept.joined(separator: "\n".utf8)), as: UTF8.self)
    }
}
