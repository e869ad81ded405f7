import Diagnosis

/// The status that ends a call (https://grpc.io/docs/guides/status-codes).
package struct GRPCStatus: Error, Hashable, Sendable {
    /// A status code; an open set, as servers may send others.
    package struct Code: RawRepresentable, Hashable, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) {
            self.rawValue = rawValue
        }

        package static let ok = Code(rawValue: 0)
        package static let cancelled = Code(rawValue: 1)
        package static let unknown = Code(rawValue: 2)
        package static let invalidArgument = Code(rawValue: 3)
        package static let deadlineExceeded = Code(rawValue: 4)
        package static let notFound = Code(rawValue: 5)
        package static let alreadyExists = Code(rawValue: 6)
        package static let permissionDenied = Code(rawValue: 7)
        package static let resourceExhausted = Code(rawValue: 8)
        package static let failedPrecondition = Code(rawValue: 9)
        package static let aborted = Code(rawValue: 10)
        package static let outOfRange = Code(rawValue: 11)
        package static let unimplemented = Code(rawValue: 12)
        package static let internalError = Code(rawValue: 13)
        package static let unavailable = Code(rawValue: 14)
        package static let dataLoss = Code(rawValue: 15)
        package static let unauthenticated = Code(rawValue: 16)
    }

    package var code: Code
    /// The server's text, decoded.
    package var message: String
    /// What `grpc-status-details-bin` holds: a `google.rpc.Status`, unread. Empty if the server sent none.
    package var details: [UInt8]

    package init(code: Code, message: String, details: [UInt8] = []) {
        self.code = code
        self.message = message
        self.details = details
    }
}

extension GRPCStatus.Code: CustomStringConvertible {
    private static let names = [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ]

    package var description: String {
        Self.names.indices.contains(rawValue) ? Self.names[rawValue] : "status \(rawValue)"
    }
}

/// Why a call got no status from the server.
enum GRPCFailure: Error, Hashable {
    /// No connection, or it broke; the text says how.
    case unavailable(String)
    case deadlineExceeded
    /// What answers does not speak gRPC; the text says what it did.
    case notGRPC(String)
    /// The caller's task was cancelled.
    case cancelled
    /// The client was closed.
    case closed
}

extension GRPCStatus {
    /// What the client is told of a call that got no status from the master.
    init(relaying error: ReportError) {
        let code: Code =
            switch error.code {
            case .deadlineExceeded: .deadlineExceeded
            case .closed: .cancelled
            default: .unavailable
            }
        self.init(code: code, message: error.message)
    }
}
