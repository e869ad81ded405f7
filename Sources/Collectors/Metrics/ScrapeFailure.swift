internal import AsyncHTTPClient
internal import Diagnosis
internal import NIOCore

/// Why a scrape gave no metrics, or not those that matter.
enum ScrapeFailure: Error, Equatable, CustomStringConvertible {
    /// Nobody listens there, or the host cannot be reached.
    case unreachable(String)
    /// Connecting, asking and reading took longer than allowed.
    case deadline(Duration)
    /// The body is larger than allowed, in bytes.
    case tooLarge(limit: Int)
    /// Any status but 200, redirects among them.
    case status(Int)
    /// The connection broke, or what came was no HTTP.
    case broken(String)
    /// No metric was left after the filter.
    case empty
    /// There are metrics, and no hang lines among them, or one that can't be read. The page is reported all the same.
    case noHangLine

    /// What makes two failures the same to one who reads the log.
    var kind: String {
        if case .status(let status) = self { "status \(status)" } else { result.rawValue }
    }

    var result: ScrapeResult {
        switch self {
        case .unreachable: .unreachable
        case .deadline: .deadline
        case .tooLarge: .tooLarge
        case .status: .status
        case .broken: .broken
        case .empty: .empty
        case .noHangLine: .noHangLine
        }
    }

    /// What the log says of it.
    var title: String {
        switch self {
        case .noHangLine: "XPU timer metrics are of no use for hang detection."
        default: "XPU timer metrics cannot be scraped."
        }
    }

    /// The same in an alarm, with whose page it is and why.
    func sentence(url: MetricURL) -> String {
        switch self {
        case .noHangLine: "XPU timer metrics of \(url) are of no use for hang detection: \(self)"
        default: "XPU timer metrics of \(url) cannot be scraped: \(self)"
        }
    }

    var description: String {
        switch self {
        case .unreachable(let reason): "nobody answers there: \(reason)"
        case .deadline(let limit): "the page did not come within \(limit)"
        case .tooLarge(let limit): "the page is larger than the limit of \(limit) bytes"
        case .status(let status): "the answer has status \(status); only 200 is taken, and no redirect is followed"
        case .broken(let reason): "the answer broke off: \(reason)"
        case .empty: "the page has no metric after the filter"
        case .noHangLine:
            "the page has no \(HangLine.name) lines, or not all are 0 or 1; a DLRover master would take it for a hang, or miss one, "
                + "so it is not sent there"
        }
    }
}
