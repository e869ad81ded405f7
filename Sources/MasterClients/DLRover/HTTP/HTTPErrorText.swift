import Diagnosis
import NIOHTTP1
import PeerLimits
import PlainHTTP

/// Tells what HTTP answers mean as DLRover's master means them, and failures to get one for every kind of master.
struct HTTPErrorText: Sendable {
    /// The master's URL.
    let master: String
    let deadline: Duration
    /// Whose answer is expected.
    var whose = "DLRover's"
    /// What to check where the answer is another.
    var hint = "is this a DLRover master, and does it serve HTTP on this port?"

    /// What a status other than 200 means.
    func error(status: Int, body: String) -> ReportError {
        let said = Self.plain(body)
        switch status {
        case 406:
            return ReportError(
                code: .wrongJob, message: "\(master) belongs to another job than this node: '\(said)'; check JOB_UID")
        case 413:
            return ReportError(code: .refused, message: "the report is too large for \(master): '\(said)'")
        case 500:
            return MasterException(said).error(master: master)
        case 429, 501...599:
            // A proxy's answer may hide that the master got the report.
            return ReportError(
                code: .unavailable, message: "\(master) answered HTTP status \(status): '\(said)'",
                isAmbiguous: status > 500)
        default:
            return ReportError(
                code: .unavailable, message: "\(master) answered HTTP status \(status): '\(said)'; \(hint)",
                isAmbiguous: !(400...499).contains(status))
        }
    }

    func unreadable(_ reason: String) -> ReportError {
        ReportError(
            code: .unavailable, message: "\(master) gave an answer that is not \(whose): \(reason); \(hint)",
            isAmbiguous: true)
    }

    /// Why there was no answer.
    ///
    /// - Parameter mayHaveArrived: `false` if it is certain that the request was not written.
    func error(of failure: any Error, mayHaveArrived: Bool) -> ReportError {
        var error = meaning(of: failure)
        error.isAmbiguous = mayHaveArrived
        return error
    }

    private func meaning(of failure: any Error) -> ReportError {
        switch failure {
        case let error as HTTPCallError: return meaning(of: error)
        case let error as PeerFlood: return unreadable("\(error)")
        case is HTTPParserError: return unreadable("it is not HTTP/1.1 (\(failure))")
        default: return unreachable(ConnectionErrorText.describe(failure))
        }
    }

    private func meaning(of failure: HTTPCallError) -> ReportError {
        switch failure {
        case .deadlineExceeded:
            ReportError(code: .deadlineExceeded, message: "\(master) did not answer within \(deadline)")
        case .alreadyClosed: ReportError(code: .closed, message: "the client of \(master) is closed")
        case .cancelled: ReportError(code: .closed, message: "the report to \(master) was cancelled")
        case .connectTimeout: unreachable("no connection within the time allowed")
        case .closedByServer: unreachable("the master closed the connection")
        case .tooLarge: unreadable("\(failure)")
        }
    }

    private func unreachable(_ reason: String) -> ReportError {
        ReportError(code: .unavailable, message: "\(master) cannot be reached: \(reason)")
    }

    /// The first 300 characters of a body, without tags and with each run of space as one.
    static func plain(_ body: String) -> String {
        var text = ""
        var isInTag = false
        var count = 0
        for character in body {
            switch character {
            case "<": isInTag = true
            case ">" where isInTag: isInTag = false
            case _ where isInTag: continue
            case _ where character.isWhitespace:
                if let last = text.last, last != " " { text.append(" ") }
            default:
                text.append(character)
                count += 1
            }
            if count == 300 { return text + "…" }
        }
        return text
    }
}
