/// A page in Prometheus's text format 0.0.4, written from numbers that somebody else keeps.
///
/// A series that is there already is left out, as is one above the limit: Prometheus would refuse the whole page.
package struct MetricPage {
    /// One series of a family.
    package struct Series {
        let labels: [(String, String)]
        let value: Double

        package init(_ value: Double, _ labels: [(String, String)] = []) {
            self.labels = labels
            self.value = value
        }

        package init(_ value: some BinaryInteger, _ labels: [(String, String)] = []) {
            self.init(Double(value), labels)
        }
    }

    private let labels: [(String, String)]
    private let limit: Int
    private var count = 0
    package private(set) var text = ""
    /// How many series there was no room for, or were there already.
    package private(set) var leftOut = 0

    /// - Parameter labels: of every series that has no such label itself.
    package init(labels: [(String, String)] = [], limit: Int = 5000) {
        self.labels = labels
        self.limit = limit
    }

    /// Adds a family; nothing, if there is no series. Each name may come once.
    package mutating func add(_ name: String, _ kind: MetricKind, _ series: [Series]) {
        var lines: [String] = []
        var seen: Set<String> = []
        for one in series {
            let labels = PrometheusText.labels(one.labels + labels)
            guard count < limit, seen.insert(labels).inserted else {
                leftOut += 1
                continue
            }
            count += 1
            lines.append("\(name)\(labels) \(PrometheusText.number(one.value))\n")
        }
        guard !lines.isEmpty else { return }
        if let help = MetricCatalog.help[name] { text += "# HELP \(name) \(help)\n" }
        text += "# TYPE \(name) \(kind.rawValue)\n"
        for line in lines { text += line }
    }
}
