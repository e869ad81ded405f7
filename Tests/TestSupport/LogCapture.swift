internal import InMemoryLogging
package import Logging

/// A logger whose lines a test can read.
package struct LogCapture: Sendable {
    private let handler: InMemoryLogHandler
    package let logger: Logger

    package init(label: String = "test") {
        var handler = InMemoryLogHandler()
        handler.logLevel = .trace
        self.handler = handler
        logger = Logger(label: label) { [handler] _ in handler }
    }

    /// `level message key=value …`, the keys sorted.
    package var lines: [String] {
        handler.entries.map { entry in
            let metadata = entry.metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            return "\(entry.level) \(entry.message)\(metadata)"
        }
    }

    /// What was logged, without levels and metadata.
    package var messages: [String] { handler.entries.map { "\($0.message)" } }

    /// How many lines have this in them.
    package func count(_ part: String) -> Int {
        lines.count { $0.contains(part) }
    }
}
