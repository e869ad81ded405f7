import Foundation
import Logging

/// Writes into a file what swift-log's `StreamLogHandler`, which arobust logs with, writes to standard error.
struct OwnLogHandler: LogHandler {
    let path: String
    let label: String
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init(path: String, label: String) {
        self.path = path
        self.label = label
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        let pairs = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        let line = "2026-11-24T05:00:00+0000 \(event.level) \(label):\(pairs) [\(event.source)] \(event.message)\n"
        guard let file = fopen(path, "a") else { return }
        fputs(line, file)
        fclose(file)
    }
}
