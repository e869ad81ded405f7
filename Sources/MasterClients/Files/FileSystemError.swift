#if canImport(Glibc)
    private import Glibc
#elseif canImport(Darwin)
    private import Darwin
#endif

/// A system call's `errno`.
struct FileSystemError: Error, Hashable, CustomStringConvertible {
    let code: CInt

    var description: String { SystemError.text(code) }

    /// The other end of a pipe is gone.
    var isBrokenPipe: Bool { code == EPIPE }
    /// Nothing can be written without waiting.
    var wouldBlock: Bool { code == EAGAIN || code == EWOULDBLOCK }
}
