private import Glibc

/// The descriptors 0, 1 and 2.
package enum StandardStreams {
    /// Opens `/dev/null` in place of those that are closed. Otherwise the next socket or eventfd would get their number, and what is
    /// meant for people would be written into it. To be called before anything else opens a descriptor.
    package static func fillGaps() {
        var descriptor: Int32
        repeat { descriptor = open("/dev/null", O_RDWR) } while (STDIN_FILENO...STDERR_FILENO).contains(descriptor)
        // Without a /dev/null nothing can be done.
        if descriptor > STDERR_FILENO { close(descriptor) }
    }
}

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

/// What is said to people beside the output proper.
enum StandardError {
    /// Prints a line to standard error.
    static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        // If standard error is gone there is nobody to tell.
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
