private import SystemPackage
internal import SystemSupport

/// Why the journal could not do what it was asked. It is as it was before.
package struct JournalError: Error, Hashable, Sendable {
    /// What went wrong, by what can be done about it.
    package struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String { case full, readOnly, io, newerVersion, invalid }
        private let wrapped: Wrapped

        /// The disk or the quota is full. Try again.
        package static let full = Code(wrapped: .full)
        /// The files may not be written. Try again once they may.
        package static let readOnly = Code(wrapped: .readOnly)
        /// The system failed in another way. Try again.
        package static let io = Code(wrapped: .io)
        /// A file was written by a newer version of this program. Nothing was touched.
        package static let newerVersion = Code(wrapped: .newerVersion)
        /// The records can't be appended: a bad lane name, sequences out of order, too large.
        package static let invalid = Code(wrapped: .invalid)

        package var description: String { wrapped.rawValue }
    }

    package let code: Code
    /// The file or directory that it is about.
    package let path: String
    /// What happened there; for a failed system call, the call and the system's own words.
    package let reason: String
    private let sentence: String

    /// Whether the same may succeed later.
    package var isRetriable: Bool { code == .full || code == .readOnly || code == .io }

    init(_ code: Code, path: String, _ reason: String) {
        self.code = code
        self.path = path
        self.reason = reason
        sentence = "journal \(path): \(reason)"
    }

    init(_ failure: SystemCallError, path: String) {
        code =
            switch failure.code {
            case .noSpace, .diskQuotaExceeded: .full
            case .readOnlyFileSystem, .permissionDenied, .notPermitted: .readOnly
            default: .io
            }
        self.path = path
        reason = "cannot \(failure.call): \(failure.reason)"
        sentence = "\(SystemCallError(failure.call, path: path, code: failure.code))"
    }
}

extension JournalError: CustomStringConvertible {
    package var description: String { sentence }
}
