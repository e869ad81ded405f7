package import CoreMetrics
private import Synchronization

/// Keeps this process's self-metrics and writes them in Prometheus's text format: a backend of swift-metrics.
///
/// Making a metric takes a lock; counting with it does not. Making one twice, with the same name and labels, gives the same one.
/// A name has one kind: a second kind under it is refused, as is a series above the limit. A refused metric counts nothing, and
/// `arobust_telemetry_refused_series_total` counts how many there were.
package final class TelemetryRegistry: MetricsFactory {
    private struct State {
        var families: [String: MetricFamily] = [:]
        var count = 0
    }

    private static let refusedName = "arobust_telemetry_refused_series_total"

    private let labels: [(String, String)]
    private let operatorLabels: [(String, String)]
    private let limit: Int
    private let help: [String: String]
    private let refused: CounterCell
    private let state: Mutex<State>

    /// - Parameters:
    ///   - labels: added to every series. They distinguish the files of several processes on a node, which one reader may join.
    ///   - operatorLabels: what the settings add to every series that has no such label already.
    ///   - limit: the most series there may be.
    ///   - help: what the metrics mean, by name.
    package init(
        labels: [(String, String)] = [], operatorLabels: [(String, String)] = [], limit: Int = 1000,
        help: [String: String] = MetricCatalog.help
    ) {
        self.labels = labels
        self.operatorLabels = operatorLabels
        self.limit = limit
        self.help = help
        refused = CounterCell()
        let family = MetricFamily(kind: .counter, cells: [PrometheusText.labels(labels + operatorLabels): refused])
        state = Mutex(State(families: [Self.refusedName: family]))
    }

    /// All metrics, by name and labels.
    package func text() -> String {
        let families = state.withLock { $0.families }
        return families.sorted { $0.key < $1.key }
            .map { PrometheusText.family($0.key, $0.value, help: help[$0.key]) }.joined()
    }

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        cell(label, suffix: "_total", .counter, dimensions, CounterCell()) ?? NOOPMetricsHandler.instance
    }

    package func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        cell(label, suffix: "_total", .counter, dimensions, FloatingCounterCell()) ?? NOOPMetricsHandler.instance
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        cell(label, .gauge, dimensions, GaugeCell()) ?? NOOPMetricsHandler.instance
    }

    /// - Parameter aggregate: whether all values count, as a summary, or only the last one, as a gauge.
    package func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        if aggregate {
            cell(label, .summary, dimensions, SummaryCell()) ?? NOOPMetricsHandler.instance
        } else {
            cell(label, .gauge, dimensions, GaugeCell()) ?? NOOPMetricsHandler.instance
        }
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        cell(label, suffix: "_seconds", .summary, dimensions, SummaryCell()) ?? NOOPMetricsHandler.instance
    }

    package func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    package func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    package func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    package func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    /// The cell of a series, made if there is none; `nil` if it is refused.
    ///
    /// - Parameter suffix: what the name must end with.
    private func cell<Cell: MetricCell>(
        _ label: String, suffix: String = "", _ kind: MetricKind, _ dimensions: [(String, String)],
        _ new: @autoclosure () -> Cell
    ) -> Cell? {
        var name = PrometheusText.name(label)
        if !name.hasSuffix(suffix) { name += suffix }
        let labels = PrometheusText.labels(self.labels + dimensions + operatorLabels)
        let cell = state.withLock { state -> Cell? in
            var family = state.families[name] ?? MetricFamily(kind: kind)
            guard family.kind == kind else { return nil }
            if let known = family.cells[labels] { return known as? Cell }
            guard state.count < limit else { return nil }
            let cell = new()
            family.cells[labels] = cell
            state.families[name] = family
            state.count += 1
            return cell
        }
        if cell == nil { refused.increment(by: 1) }
        return cell
    }

    private func remove(_ handler: AnyObject) {
        state.withLock { state in
            for (name, family) in state.families {
                for (labels, cell) in family.cells where cell === handler {
                    state.families[name]?.cells[labels] = nil
                    state.count -= 1
                }
            }
        }
    }
}

/// All series of one name.
struct MetricFamily {
    let kind: MetricKind
    /// By their labels as they are written.
    var cells: [String: any MetricCell] = [:]
}

/// What a metric is to Prometheus: the word of its `# TYPE` line.
enum MetricKind: String {
    /// Only grows, and starts again with the process.
    case counter
    /// Goes up and down.
    case gauge
    /// A count and a sum, without quantiles.
    case summary
}

/// What each self-metric means: the text of its `# HELP` line. Add a new metric here.
package enum MetricCatalog {
    package static let help = [
        "arobust_alarm": "1 while something needs an operator's attention, else 0, by what, where and why.",
        "arobust_alarm_began_at_seconds": "When the alarm began, in seconds since 1970; 0 while there is none.",
        "arobust_console_failed_calls_total": "Reports to a console that were refused, or could not be stored then.",
        "arobust_listener_calls_total": "Calls of DLRover's own clients, by outcome.",
        "arobust_log_bytes_total": "Bytes of the training log that were reported.",
        "arobust_log_finding_seen_at_seconds":
            "When a line of a followed log last hit the rule, in seconds since 1970; file: the log with that line.",
        "arobust_log_findings_total": "Hits of failure rules in the followed logs, by the rules' domain and role.",
        "arobust_log_findings_survived_total":
            "Lines with a root cause in the followed logs after which the training went on; no findings.",
        "arobust_log_shed_bytes_total": "Bytes of training logs that the rate limit left out.",
        "arobust_log_shed_lines_total": "Lines of training logs that the rate limit left out.",
        "arobust_log_lines_total": "Lines of the training log that were reported.",
        "arobust_scrape_up": "1 if the last scrape gave a page with metrics, else 0.",
        "arobust_scrapes_total": "Rounds of scraping the XPU timer's page, by result.",
        "arobust_stack_dumps_total": "Processes whose stacks were requested, by what could be read.",
        "arobust_incidents_total": "Incidents that were recorded.",
        "arobust_incident_pieces_missing_total": "Pieces of incidents' evidence that could not be had.",
        "arobust_ras_looks_total": "Questions to NCCL's RAS, by what came of them.",
        "arobust_ras_findings": "Communicators that ranks hold up, by what NCCL's RAS says.",
        "arobust_training_events_total": "Events of a training that were published.",
        "arobust_training_events_unreadable_total": "Lines in the file of events that can't be read.",
        "arobust_telemetry_refused_series_total":
            "Self-metrics that are not kept: there are too many, or one name has two kinds.",
        "arobust_telemetry_written_at_seconds": "When this text was written, in seconds since 1970.",
        "arobust_training_epoch": "The epoch that a training's log named last.",
        "arobust_training_finished": "1 if the training said that it has ended, else 0.",
        "arobust_training_goodput_ratio": "The time in steps that were kept, of all since the training's start.",
        "arobust_training_lost_seconds_total": "The time in steps that were made again after a restart.",
        "arobust_training_restarts_total": "How often the training's steps began again.",
        "arobust_training_silent": "1 while the training makes no step for longer than it should, else 0.",
        "arobust_training_slow": "1 while the training's steps take longer than usual, else 0.",
        "arobust_training_step": "The step that the training's log named last.",
        "arobust_training_step_seconds": "How long a step takes: the median of the last ones.",
        "arobust_training_step_seen_at_seconds": "When the last step was read, in seconds since 1970.",
        "arobust_training_tokens_per_second": "The throughput that the training's log gives.",
        "arobust_up": "1 while the process runs, 0 after a clean end.",
    ]
}
