/// Why a consumer's store cannot be used.
package struct ConsumerStoreError: Error, Hashable, CustomStringConvertible {
    /// What is wrong, by what a caller should do about it.
    package enum Code: Hashable, Sendable {
        /// Another process, or another object of this one, has it open.
        case inUse
        /// A newer arobust has written it.
        case newerVersion
        /// The file belongs to another consumer whose name makes the same file name.
        case otherConsumer
        /// A file cannot be made, opened or written.
        case inputOutput
        /// The files were moved or removed while they were used.
        case moved
    }

    package let code: Code
    /// The consumer's name.
    package let consumer: String
    package let path: String
    /// Who has it, or what failed and on which file.
    package let detail: String

    package var description: String {
        switch code {
        case .inUse: "another bridge reports to '\(consumer)': \(path) is in use (\(detail))"
        case .newerVersion:
            "the ledger of '\(consumer)' in \(path) was written by a newer arobust (\(detail)); "
                + "use that version, or move the file away to begin anew"
        case .otherConsumer: "\(path) is the ledger of '\(detail)' and cannot hold that of '\(consumer)' too"
        case .moved:
            "the ledger of '\(consumer)' was moved or removed while it was used: \(detail) is another file now, or none; start arobust again"
        case .inputOutput: "the ledger of '\(consumer)' cannot be used: \(detail)"
        }
    }
}
