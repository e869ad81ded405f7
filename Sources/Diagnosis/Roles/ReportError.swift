/// Why a report was not accepted.
public struct ReportError: Error, Sendable {
    /// What went wrong, by what a caller should do about it.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String { case unavailable, deadlineExceeded, refused, wrongJob, storage, closed }
        private let wrapped: Wrapped

        /// Nobody answered: no connection, or it broke. Try again.
        public static let unavailable = Code(wrapped: .unavailable)
        /// The answer did not come in time; the master may or may not have the data. Try again.
        public static let deadlineExceeded = Code(wrapped: .deadlineExceeded)
        /// The master looked at the data and refused it. The same data will be refused again.
        public static let refused = Code(wrapped: .refused)
        /// The master belongs to another job: it will refuse everything.
        public static let wrongJob = Code(wrapped: .wrongJob)
        /// A file could not be written. Try again.
        public static let storage = Code(wrapped: .storage)
        /// The client was closed.
        public static let closed = Code(wrapped: .closed)

        public var description: String { wrapped.rawValue }
    }

    /// Under what rule the ledger enters what is refused for good.
    public enum Rule: String, Hashable, Sendable {
        /// The master looked at this data and does not take it.
        case refused
        /// The master answers so for every report of this data type since somebody sent it one that it does not survive. It may keep
        /// what it is sent all the same.
        case poisoned
    }

    public var code: Code
    /// A sentence that an operator can act on; it names what the master said.
    public var message: String
    /// Whether the master may have the data all the same: the request may have reached it, and no answer says what came of it.
    public var isAmbiguous: Bool
    /// Whether it was found before anything was sent, so that it says nothing of the master.
    public var isLocal: Bool
    /// Of a refusal: the ledger's rule for what is refused so.
    public var rule: Rule

    public init(code: Code, message: String, isAmbiguous: Bool = false, isLocal: Bool = false, rule: Rule = .refused) {
        self.code = code
        self.message = message
        self.isAmbiguous = isAmbiguous
        self.isLocal = isLocal
        self.rule = rule
    }

    /// Whether the same data may be accepted later.
    public var isRetriable: Bool {
        code == .unavailable || code == .deadlineExceeded || code == .storage
    }
}

extension ReportError: CustomStringConvertible {
    public var description: String { message }
}
