private import Glibc

/// Measures the bus: a publisher and a subscriber in two processes, metrics of 1 KiB, nothing lost.
///
///     BusBenchmark subscribe STATE_DIR COUNT | BusBenchmark publish STATE_DIR COUNT BATCH
///
/// The subscriber reports through the pipe how much it has received, and the publisher is never more than half its high-water mark ahead:
/// the bus itself would drop rather than wait. Each prints a JSON object: the subscriber to standard error, the publisher to standard output.
@main
enum BusBenchmark {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        let numbers = arguments.dropFirst(2).compactMap { Int($0) }
        switch (arguments.first, arguments.count, numbers.count) {
        case ("subscribe", 3, 1):
            try await BenchmarkSubscriber(directory: arguments[2], count: numbers[0]).run()
        case ("publish", 4, 2):
            try await BenchmarkPublisher(directory: arguments[2], count: numbers[0], batch: numbers[1]).run()
        default:
            fail("usage: subscribe STATE_DIR COUNT, or publish STATE_DIR COUNT BATCH", status: 64)
        }
    }
}

/// How many envelopes the subscriber has received so far, sent through a pipe as eight bytes each time.
enum Acknowledgement {
    /// Writes to standard output.
    static func send(_ received: Int) {
        var received = received
        guard write(STDOUT_FILENO, &received, MemoryLayout<Int>.size) == MemoryLayout<Int>.size else {
            fail("the publisher has ended")
        }
    }

    /// Waits for at least one on standard input, and returns the newest.
    static func receive() -> Int {
        var counts = [Int](repeating: 0, count: 512)
        let size = read(STDIN_FILENO, &counts, counts.count * MemoryLayout<Int>.size)
        guard size >= MemoryLayout<Int>.size else { fail("the subscriber has ended") }
        return counts[size / MemoryLayout<Int>.size - 1]
    }
}

/// Prints a line to standard error.
func say(_ text: String) {
    let line = Array("\(text)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
}

/// Ends the process with a reason.
func fail(_ reason: String, status: Int32 = 1) -> Never {
    say("BusBenchmark: \(reason)")
    exit(status)
}
