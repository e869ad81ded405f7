public import Glibc
public import SystemPackage

/// A call of the operating system that failed: which one, on what, and why.
public struct SystemCallError: Error, Hashable, CustomStringConvertible {
    /// The call's name, which follows "cannot" in the description: `open`, `mkdir`.
    public let call: String
    /// The file or folder; `nil` where the call has none, or its caller names it.
    public let path: String?
    /// What the system answered; `.notPermitted` where it was not asked, since we refuse what is there.
    public let code: Errno
    private let refusal: String?

    /// - Parameter code: without it `errno`, so this must be the first thing after the failed call.
    public init(_ call: String, path: String? = nil, code: Errno = Errno(rawValue: errno)) {
        self.call = call
        self.path = path
        self.code = code
        refusal = nil
    }

    /// A call that was not made, or whose result is not used.
    ///
    /// - Parameter refusal: why.
    package init(_ call: String, path: String, refusal: String) {
        self.call = call
        self.path = path
        code = .notPermitted
        self.refusal = refusal
    }

    /// Whether it was us who refused.
    package var isRefusal: Bool { refusal != nil }

    /// The system's own words, for example "No space left on device", or ours where we refused.
    public var reason: String { refusal ?? Self.text(code.rawValue) }

    public var description: String { "cannot \(call)\(path.map { " \($0)" } ?? ""): \(reason)" }

    /// The system's own words for a value of `errno`. glibc's `strerror` is safe in threads since 2.32.
    package static func text(_ code: CInt) -> String { String(cString: strerror(code)) }

    /// Calls until no signal interrupts it.
    ///
    /// - Parameter body: the system call; a result below zero means that `errno` says why it failed.
    package static func retrying<Count: SignedInteger>(
        _ call: String, path: String? = nil, _ body: () -> Count
    ) throws(SystemCallError) -> Count {
        while true {
            let result = body()
            if result >= 0 { return result }
            let error = SystemCallError(call, path: path)
            if error.code != .interrupted { throw error }
        }
    }
}
