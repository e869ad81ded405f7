/// Measures the bus: a publisher and a subscriber in two processes, metrics of 1 KiB, nothing lost.
///
///     BusBenchmark subscribe STATE_DIR COUNT | BusBenchmark publish STATE_DIR COUNT BATCH
///
/// The subscriber says through the pipe how much it has received, and the publisher never is further ahead than half its high-water mark: the
/// bus itself would drop rather than wait. Each prints a JSON object: the subscriber to standard error, the publisher to standard output.
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
