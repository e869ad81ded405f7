import NIOCore
import NIOHTTP2
import NIOPosix

/// What to tell an operator about an error of a connection.
package enum ConnectionErrorText {
    package static func describe(_ error: any Error) -> String {
        switch error {
        case let error as IOError: SystemError.text(error.errnoCode)
        case let error as NIOConnectionError: describe(error)
        case ChannelError.connectTimeout: "no connection within the time allowed"
        case let error as any NIOHTTP2Error: "what it sent is not the HTTP/2 that is expected (\(type(of: error)))"
        default: "\(error)"
        }
    }

    /// The reasons of all addresses that were tried, each once.
    private static func describe(_ error: NIOConnectionError) -> String {
        var reasons: [String] = []
        for failure in error.connectionErrors {
            let reason = describe(failure.error)
            if !reasons.contains(reason) { reasons.append(reason) }
        }
        if reasons.isEmpty, let lookup = error.dnsAError ?? error.dnsAAAAError {
            reasons.append("the name could not be looked up: \(lookup)")
        }
        return reasons.isEmpty ? "no connection" : reasons.joined(separator: "; ")
    }
}
