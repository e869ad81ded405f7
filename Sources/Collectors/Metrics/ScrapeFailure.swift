internal import AsyncHTTPClient
internal import NIOCore

/// Why a scrape gave no metrics.
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
    /// Nothing was left after the filter.
    case empty

    /// What makes two failures the same to one who reads the log.
    var kind: String {
        switch self {
        case .unreachable: "unreachable"
        case .deadline: "deadline"
        case .tooLarge: "tooLarge"
        case .status(let status): "status \(status)"
        case .broken: "broken"
        case .empty: "empty"
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
        }
    }
}
