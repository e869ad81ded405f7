import Diagnosis
import OTLPMessages
import SystemSupport

/// A page in Prometheus' text format as OTLP metrics.
///
/// What the page declares as a counter becomes a cumulative, monotonic sum; every other sample, also a histogram's and a summary's, a gauge of its own
/// name: nothing is computed, so what a receiver shows is what the page says.
struct MetricsPage {
    typealias Metric = Opentelemetry_Proto_Metrics_V1_Metric
    typealias Point = Opentelemetry_Proto_Metrics_V1_NumberDataPoint

    /// In the order of the page, each name once.
    private(set) var metrics: [Metric] = []
    /// How many samples there are.
    private(set) var samples = 0
    /// How many lines are neither samples nor comments.
    private(set) var unreadLines = 0

    private var places: [String: Int] = [:]
    private var counters: Set<String> = []

    /// - Parameter time: of samples that say none, in nanoseconds since 1970.
    init(_ page: String, time: UInt64) {
        for line in PythonLines.split(page[...].utf8) { read(line, time) }
    }

    private mutating func read(_ text: Substring.UTF8View, _ time: UInt64) {
        var line = PrometheusLine(text)
        line.skipSpaces()
        if line.isAtEnd { return }
        if line.rest.first == UInt8(ascii: "#") { return readComment(line) }
        guard let name = line.takeName(allowsColon: true) else { return unreadLines += 1 }
        line.skipSpaces()
        guard let labels = line.takeLabels() else { return unreadLines += 1 }
        line.skipSpaces()
        guard let value = line.takeWord().flatMap(Self.number) else { return unreadLines += 1 }
        line.skipSpaces()
        var point = Point()
        point.timeUnixNano = time
        if let word = line.takeWord() {
            guard let milliseconds = Int64(word), milliseconds >= 0 else { return unreadLines += 1 }
            point.timeUnixNano = UInt64(milliseconds).multipliedReportingOverflow(by: 1_000_000).partialValue
        }
        point.asDouble = value
        point.attributes = labels.sorted { $0.key < $1.key }.map { OTLPAttributes.text($0.key, $0.value) }
        add(point, to: name)
    }

    private mutating func readComment(_ line: PrometheusLine) {
        let words = line.rest.split(separator: UInt8(ascii: " ")).map { String(Substring($0)) }
        if words.count == 4, words[0] == "#", words[1] == "TYPE", words[3] == "counter" { counters.insert(words[2]) }
    }

    private mutating func add(_ point: Point, to name: String) {
        samples += 1
        let place = places[name] ?? metrics.count
        if place == metrics.count {
            places[name] = place
            var metric = Metric()
            metric.name = name
            if counters.contains(name) {
                metric.sum.aggregationTemporality = .cumulative
                metric.sum.isMonotonic = true
            } else {
                metric.gauge = .init()
            }
            metrics.append(metric)
        }
        if counters.contains(name), case .sum? = metrics[place].data {
            metrics[place].sum.dataPoints.append(point)
        } else {
            metrics[place].gauge.dataPoints.append(point)
        }
    }

    /// As Prometheus has it: also `NaN`, `+Inf` and `-Inf`.
    private static func number(_ word: String) -> Double? {
        Double(word)
    }
}
