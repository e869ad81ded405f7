import InMemoryLogging
import Logging

/// A logger whose lines a test can read.
struct LogCapture {
    private let handler: InMemoryLogHandler
    let logger: Logger

    init() {
        var handler = InMemoryLogHandler()
        handler.logLevel = .trace
        self.handler = handler
        logger = Logger(label: "test") { _ in handler }
    }

    /// `level message key=value …`, the keys sorted.
    var lines: [String] {
        handler.entries.map { entry in
            let metadata = entry.metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            return "\(entry.level) \(entry.message)\(metadata)"
        }
    }

    func count(_ part: String) -> Int {
        lines.count { $0.contains(part) }
    }
}
