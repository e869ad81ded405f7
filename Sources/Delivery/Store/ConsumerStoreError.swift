/// Why a consumer's store cannot be used.
public struct ConsumerStoreError: Error, Hashable, CustomStringConvertible {
    /// What is wrong, by what a caller should do about it.
    public enum Code: Hashable, Sendable {
        /// Another process, or another object of this one, has it open.
        case inUse
        /// A newer arobust has written it.
        case newerVersion
        /// The file belongs to another consumer whose name makes the same file name.
        case otherConsumer
        /// A file cannot be made, opened or written.
        case inputOutput
    }

    public let code: Code
    /// The consumer's name.
    public let consumer: String
    public let path: String
    /// Who has it, or what the system said.
    public let detail: String

    public var description: String {
        switch code {
        case .inUse: "another bridge reports to '\(consumer)': \(path) is in use (\(detail))"
        case .newerVersion:
            "the ledger of '\(consumer)' in \(path) was written by a newer arobust (\(detail)); "
                + "use that version, or move the file away to begin anew"
        case .otherConsumer: "\(path) is the ledger of '\(detail)' and cannot hold that of '\(consumer)' too"
        case .inputOutput: "the ledger of '\(consumer)' cannot be used: \(path): \(detail)"
        }
    }
}
