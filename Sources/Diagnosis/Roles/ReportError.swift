/// Why a report was not accepted.
public struct ReportError: Error, Sendable {
    /// What went wrong, by what a caller should do about it.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String { case unavailable, deadlineExceeded, refused, wrongJob, storage, closed }
        private let wrapped: Wrapped

        /// Nobody answered: there was no connection, or it broke. Try again.
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

    /// The ledger's rule for data that is refused for good.
    public enum Rule: String, Hashable, Sendable {
        /// The master looked at this data and does not take it.
        case refused
        /// The master refuses every report of this data type, since somebody has sent it one that it cannot cope with. It may keep the data
        /// all the same.
        case poisoned
    }

    /// What went wrong.
    public var code: Code
    /// A sentence that an operator can act on; it names what the master said.
    public var message: String
    /// Whether the master may have the data all the same: the request may have reached it, and no answer says whether it was accepted.
    public var isAmbiguous: Bool
    /// Whether the problem was found before anything was sent, so that it says nothing about the master.
    public var isLocal: Bool
    /// For a refusal: the ledger's rule.
    public var rule: Rule
    /// How long the master wants not to be called; `nil`: it does not say.
    public var retryAfter: Duration?

    /// Makes an error; `message` is a sentence for an operator, without a final period.
    public init(
        code: Code, message: String, isAmbiguous: Bool = false, isLocal: Bool = false, rule: Rule = .refused,
        retryAfter: Duration? = nil
    ) {
        self.code = code
        self.message = message
        self.isAmbiguous = isAmbiguous
        self.isLocal = isLocal
        self.rule = rule
        self.retryAfter = retryAfter
    }

    /// Whether the same data may be accepted later.
    public var isRetriable: Bool {
        code == .unavailable || code == .deadlineExceeded || code == .storage
    }
}

extension ReportError: CustomStringConvertible {
    public var description: String { message }
}
