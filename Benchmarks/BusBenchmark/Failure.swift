private import Glibc

/// Says a line on standard error.
func say(_ text: String) {
    let line = Array("\(text)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
}

/// Ends the process, saying why.
func fail(_ reason: String, status: Int32 = 1) -> Never {
    say("BusBenchmark: \(reason)")
    exit(status)
}
