internal import Glibc

/// A system call that failed: which one, on what, and why.
struct SystemError: Error, Hashable, CustomStringConvertible {
    /// What was tried, to follow "cannot": `open`, `read`.
    let action: String
    let subject: String
    let code: CInt

    /// - Parameter code: the value of `errno`, taken in the same expression as the failing call.
    init(_ action: String, _ subject: String, code: CInt) {
        self.action = action
        self.subject = subject
        self.code = code
    }

    /// The system's words for the error. glibc's `strerror` is safe in threads since 2.32.
    var reason: String { String(cString: strerror(code)) }

    var description: String { "cannot \(action) \(subject): \(reason)" }
}
