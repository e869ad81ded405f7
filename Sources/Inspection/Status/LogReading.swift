internal import SystemSupport
internal import Telemetry

/// What a process has read of the logs that it follows, and what it has not read yet: the metrics `arobust_log_…`.
package struct LogReading: Hashable, Sendable, Codable {
    /// One log; `others` stands for all after the first 100.
    package struct File: Hashable, Sendable, Codable {
        package var file: String
        /// How much was published since the process began.
        package var lines: UInt64
        package var bytes: UInt64
        package var unreadBytes: UInt64

        enum CodingKeys: String, CodingKey {
            case file, lines, bytes
            case unreadBytes = "unread_bytes"
        }
    }

    /// Which command reads them: `agent`, `collect`.
    package var command: String
    /// When the process said so, in seconds since 1970.
    package var written: Int64
    /// By name.
    package var files: [File]
    /// Of the logs that are open.
    package var unreadBytes: UInt64
    /// How long reading that takes; `nil` where it does not get less, or that is not known.
    package var secondsLeft: Double?

    enum CodingKeys: String, CodingKey {
        case command, written, files
        case unreadBytes = "unread_bytes"
        case secondsLeft = "seconds_left"
    }

    /// `nil`: the process follows no logs, or an older one says nothing of it.
    init?(_ samples: [PrometheusSample], written: Int64, command: String) {
        guard let unread = samples.first(where: { $0.name == "arobust_log_unread_bytes" }) else { return nil }
        var files: [String: File] = [:]
        for sample in samples where sample.name.hasPrefix("arobust_log_") {
            guard let name = sample.labels["file"] else { continue }
            var file = files[name] ?? File(file: name, lines: 0, bytes: 0, unreadBytes: 0)
            switch sample.name {
            case "arobust_log_lines_total": file.lines = Self.count(sample)
            case "arobust_log_bytes_total": file.bytes = Self.count(sample)
            case "arobust_log_file_unread_bytes": file.unreadBytes = Self.count(sample)
            default: continue
            }
            files[name] = file
        }
        self.command = command
        self.written = written
        self.files = files.values.sorted { $0.file < $1.file }
        unreadBytes = Self.count(unread)
        let left = samples.first { $0.name == "arobust_log_remaining_seconds" }?.value
        secondsLeft = left.flatMap { $0.isFinite && $0 >= 0 ? $0 : nil }
    }

    private static func count(_ sample: PrometheusSample) -> UInt64 {
        sample.value.isFinite && sample.value > 0 ? UInt64(min(sample.value, 0x1p62)) : 0
    }

    /// Less is read in a moment, and no backlog.
    static let leastBacklog: UInt64 = 256 << 10

    /// For the head of a status; `nil` while there is no backlog.
    var sentence: String? {
        guard unreadBytes >= Self.leastBacklog else { return nil }
        let left = secondsLeft.map { ", about \(HumanText.span(from: 0, to: Int64(max(1, min($0, 1e12))))) left" }
        return
            "\(HumanText.bytes(Int(clamping: unreadBytes))) of the logs are unread\(left ?? ": it does not get less")"
    }
}
