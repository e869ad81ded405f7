private import FoundationEssentials
package import ZMQBridge

/// Why something can't be looked at.
package struct InspectionError: Error, Hashable, Sendable {
    /// What kind of problem it is.
    package struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String { case notThere, unreadable }
        private let wrapped: Wrapped

        /// What was asked for does not exist.
        package static let notThere = Code(wrapped: .notThere)
        /// It exists but can't be read, or does not answer.
        package static let unreadable = Code(wrapped: .unreadable)

        package var description: String { wrapped.rawValue }
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// A running publisher does not answer.
    ///
    /// - Parameter obstacle: why it can't be asked, if that is known.
    package static func silent(_ directory: StateDirectory, holder: String, obstacle: String?) -> InspectionError {
        let reason = obstacle.map { ": \($0)" } ?? ""
        return InspectionError(.unreadable, "the publisher of \(directory.path), \(holder), does not answer\(reason)")
    }
}

extension InspectionError: CustomStringConvertible {
    package var description: String { message }
}

/// The form in which everything that is looked at is given to programs: keys in order, no newline at the end.
package enum InspectionJSON {
    /// The value as JSON over several lines.
    package static func text(_ value: some Encodable) throws -> String {
        try encode(value, .prettyPrinted)
    }

    /// The value as JSON on one line.
    static func line(_ value: some Encodable) throws -> String {
        try encode(value, [])
    }

    private static func encode(_ value: some Encodable, _ layout: JSONEncoder.OutputFormatting) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = layout.union([.sortedKeys, .withoutEscapingSlashes])
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
