/// Why the store can't do what it was asked to.
package struct ConsoleStoreError: Error, Hashable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// It can't be opened: somebody else has it, or it is not ours to open.
        case unusable
        /// The question makes no sense: 400.
        case question
        /// It took too long: 503.
        case tooLong
        /// The database can't be read or written now: 503.
        case storage
    }

    package let kind: Kind
    /// A sentence for an operator.
    package let description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
