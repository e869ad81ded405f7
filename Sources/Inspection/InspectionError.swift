private import Foundation

/// Why something can't be looked at.
public struct InspectionError: Error, Hashable, Sendable {
    /// What went wrong, by what to do about it.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String { case notThere, unreadable }
        private let wrapped: Wrapped

        /// What was asked for isn't there.
        public static let notThere = Code(wrapped: .notThere)
        /// It is there, and is not what it should be.
        public static let unreadable = Code(wrapped: .unreadable)

        public var description: String { wrapped.rawValue }
    }

    public let code: Code
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

extension InspectionError: CustomStringConvertible {
    public var description: String { message }
}

/// The form in which everything that is looked at is given to programs.
public enum InspectionJSON {
    /// The value as JSON over several lines, keys in order, without a newline at the end.
    public static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
