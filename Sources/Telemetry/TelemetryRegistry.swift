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

    /// Those of every series, also of what is written beside it.
    package var commonLabels: [(String, String)] { labels + operatorLabels }
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
            // What is set, but only grows by its name, is a counter to Prometheus.
            cell(label, label.hasSuffix("_total") ? .counter : .gauge, dimensions, GaugeCell())
                ?? NOOPMetricsHandler.instance
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
package enum MetricKind: String, Sendable {
    /// Only grows, and starts again with the process.
    case counter
    /// Goes up and down.
    case gauge
    /// A count and a sum, without quantiles.
    case summary
}
