/// The two forms of a metrics page, and which one a caller wants.
package enum MetricsForm: Hashable, Sendable {
    case prometheus, openMetrics

    private static let openMetricsName = "application/openmetrics-text"

    /// - Parameter accept: the request's `Accept`. OpenMetrics only for who names it, in a version that we write, and wants nothing more than it:
    ///   browsers and curl get what people can read in every program.
    package init(accept: String?) {
        var wishes: [Self: Double] = [:]
        for range in (accept ?? "").split(separator: ",") {
            let parts = range.split(separator: ";").map { Self.trimmed($0) }
            let parameters = parts.dropFirst().map { $0.split(separator: "=", maxSplits: 1).map { Self.trimmed($0) } }
            func value(_ name: String) -> String? { parameters.first { $0.count == 2 && $0[0] == name }?[1] }
            let weight = value("q").map { Double($0) ?? 0 } ?? 1
            switch parts.first {
            case Self.openMetricsName where ["1.0.0", nil].contains(value("version")):
                wishes[.openMetrics] = max(weight, wishes[.openMetrics] ?? 0)
            case "text/plain" where ["0.0.4", nil].contains(value("version")):
                wishes[.prometheus] = max(weight, wishes[.prometheus] ?? 0)
            default: continue
            }
        }
        let wish = wishes[.openMetrics] ?? 0
        self = wish > 0 && wish >= wishes[.prometheus] ?? 0 ? .openMetrics : .prometheus
    }

    package var contentType: String {
        switch self {
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "\(Self.openMetricsName); version=1.0.0; charset=utf-8"
        }
    }

    /// - Parameter page: in Prometheus's text format 0.0.4, as everything here writes it.
    package func text(of page: String) -> String {
        self == .prometheus ? page : OpenMetricsText.converted(page)
    }

    private static func trimmed(_ text: Substring) -> String {
        let text = text.drop { $0 == " " || $0 == "\t" }
        let end = text.lastIndex { $0 != " " && $0 != "\t" }
        return end.map { text[...$0].lowercased().filter { $0 != "\"" } } ?? ""
    }
}

/// OpenMetrics 1.0.0 (openmetrics.io): the samples of Prometheus's text format stay as they are; families are named differently.
enum OpenMetricsText {
    /// What a family's name may end with that is its unit.
    private static let units = ["seconds", "bytes", "ratio"]

    static func converted(_ page: String) -> String {
        var text = ""
        var help = ""
        for line in page.split(separator: "\n") {
            guard line.hasPrefix("# ") else {
                text += "\(line)\n"
                continue
            }
            let words = line.split(separator: " ", maxSplits: 3)
            guard words.count == 4 else { continue }
            // HELP stands before TYPE, which says how the family is called.
            if words[1] == "HELP" {
                help = String(words[3])
            } else if words[1] == "TYPE" {
                text += head(of: String(words[2]), kind: String(words[3]), help: help)
                help = ""
            }
        }
        return text + "# EOF\n"
    }

    private static func head(of sample: String, kind: String, help: String) -> String {
        var (family, kind) = (sample, kind)
        switch kind {
        case "counter" where sample.hasSuffix("_total"): family = String(sample.dropLast("_total".count))
        // A counter's samples must end with _total.
        case "counter": kind = "unknown"
        case "gauge" where sample.hasSuffix("_info"):
            family = String(sample.dropLast("_info".count))
            kind = "info"
        default: break
        }
        var text = "# TYPE \(family) \(kind)\n"
        if kind != "info", let unit = units.first(where: { family.hasSuffix("_\($0)") }) {
            text += "# UNIT \(family) \(unit)\n"
        }
        // Unlike there, quotes are escaped, too.
        if !help.isEmpty {
            text +=
                "# HELP \(family) \(help.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\""))\n"
        }
        return text
    }
}
