private import Glibc

/// What is said to people beside the output proper.
enum StandardError {
    /// Prints a line to standard error.
    static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        // If standard error is gone there is nobody to tell.
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
