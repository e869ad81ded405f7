private import Glibc

/// The output proper of commands that show something and end.
enum StandardOutput {
    /// Why it can't be written, other than that nobody reads it.
    struct Failure: Error, CustomStringConvertible {
        let code: Int32

        var description: String { "standard output can't be written: \(String(cString: strerror(code)))" }
    }

    /// Writes the lines; `false` when nobody reads any more.
    @discardableResult
    static func write(_ lines: [String]) throws -> Bool {
        try write(Array(lines.map { $0 + "\n" }.joined().utf8))
    }

    /// Writes all of it; `false` when nobody reads any more.
    @discardableResult
    static func write(_ text: [UInt8]) throws -> Bool {
        var rest = text[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            switch count < 0 ? errno : 0 {
            case 0: rest = rest.dropFirst(count)
            case EINTR: continue
            case EAGAIN: Readiness.awaitOutput(STDOUT_FILENO)
            case EPIPE: return false
            case let code: throw Failure(code: code)
            }
        }
        return true
    }

    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
}
