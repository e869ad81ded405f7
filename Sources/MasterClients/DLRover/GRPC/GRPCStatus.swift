/// The status that ends a call (https://grpc.io/docs/guides/status-codes).
struct GRPCStatus: Hashable, Sendable {
    /// A status code; an open set, as servers may send others.
    struct Code: RawRepresentable, Hashable, Sendable {
        let rawValue: Int

        static let ok = Code(rawValue: 0)
        static let cancelled = Code(rawValue: 1)
        static let unknown = Code(rawValue: 2)
        static let invalidArgument = Code(rawValue: 3)
        static let deadlineExceeded = Code(rawValue: 4)
        static let notFound = Code(rawValue: 5)
        static let alreadyExists = Code(rawValue: 6)
        static let permissionDenied = Code(rawValue: 7)
        static let resourceExhausted = Code(rawValue: 8)
        static let failedPrecondition = Code(rawValue: 9)
        static let aborted = Code(rawValue: 10)
        static let outOfRange = Code(rawValue: 11)
        static let unimplemented = Code(rawValue: 12)
        static let internalError = Code(rawValue: 13)
        static let unavailable = Code(rawValue: 14)
        static let dataLoss = Code(rawValue: 15)
        static let unauthenticated = Code(rawValue: 16)
    }

    var code: Code
    /// The server's text, decoded.
    var message: String
}

extension GRPCStatus.Code: CustomStringConvertible {
    private static let names = [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ]

    var description: String {
        Self.names.indices.contains(rawValue) ? Self.names[rawValue] : "status \(rawValue)"
    }
}
