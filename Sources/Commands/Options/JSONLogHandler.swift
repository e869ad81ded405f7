internal import Diagnosis
internal import Logging
private import SystemSupport

/// Writes the log for programs: an event a line, as a JSON object.
///
/// `{"time":"2026-11-30T14:20:31.123456Z","level":"warning","label":"arobust","component":"Agent","message":"…","metadata":{"path":"/x"}}`
///
/// The metadata is an object of its own, so that no field of it can take another one's place. What could harm a terminal stands in it as
/// `\u001b`; secrets are hidden; long texts are cut.
struct JSONLogHandler: LogHandler {
    /// How much of one text is written, in bytes.
    private static let longestText = 16 << 10

    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let label: String
    /// Whether standard error is systemd's journal, which takes the priority in front of a line off again.
    private let hasPriority: Bool
    private let now: @Sendable () -> UInt64
    /// Takes a line with its end.
    private let write: @Sendable ([UInt8]) -> Void

    /// - Parameters:
    ///   - now: nanoseconds since 1970.
    ///   - write: where lines go; a test reads them.
    init(
        label: String, hasPriority: Bool, now: @escaping @Sendable () -> UInt64 = { WallClock.nanoseconds() },
        write: @escaping @Sendable ([UInt8]) -> Void = { StandardError.write($0) }
    ) {
        self.label = label
        self.hasPriority = hasPriority
        self.now = now
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var values = metadata
        if let more = metadataProvider?.get() { values.merge(more) { $1 } }
        if let more = event.metadata { values.merge(more) { $1 } }
        if let error = event.error { values["error"] = "\(error)" }
        var json = Array(#"{"time":"\#(time)","level":"\#(event.level.rawValue)","label":"#.utf8)
        append(label, to: &json)
        json += #","component":"#.utf8
        append(event.source, to: &json)
        json += #","message":"#.utf8
        append(event.message.description, to: &json)
        json += #","metadata":"#.utf8
        append(.dictionary(values), to: &json)
        let prefix = hasPriority ? JournalLogHandler.priority(of: event.level).prefix : ""
        write(Array(prefix.utf8) + TerminalJSON.escaped(json + "}\n".utf8))
    }

    /// RFC 3339, in UTC, with microseconds.
    private var time: String {
        let now = now()
        let fraction = "\(1_000_000 + now / 1000 % 1_000_000)".dropFirst()
        return TimeText.write(Int64(now / 1_000_000_000)).dropLast() + ".\(fraction)Z"
    }

    private func append(_ value: Logger.Metadata.Value, to json: inout [UInt8]) {
        switch value {
        case .string(let text): append(text, to: &json)
        case .stringConvertible(let value): append(value.description, to: &json)
        case .array(let values):
            json.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                append(value, to: &json)
            }
            json.append(UInt8(ascii: "]"))
        case .dictionary(let values):
            json.append(UInt8(ascii: "{"))
            for (index, (key, value)) in values.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                append(key, to: &json)
                json.append(UInt8(ascii: ":"))
                // The value of a name such as token is a secret whatever it looks like.
                if case .string(let text) = value, SecretText.isValue(text, of: key[...]) {
                    append(SecretText.replacement, to: &json)
                } else {
                    append(value, to: &json)
                }
            }
            json.append(UInt8(ascii: "}"))
        }
    }

    private func append(_ text: String, to json: inout [UInt8]) {
        json.append(UInt8(ascii: "\""))
        MetricJSON.appendContent(SecretText.hidden(in: head(text))[...].utf8, to: &json)
        json.append(UInt8(ascii: "\""))
    }

    private func head(_ text: String) -> String {
        guard text.utf8.count > Self.longestText else { return text }
        return String(decoding: text.utf8.prefix(Self.longestText), as: UTF8.self) + "…"
    }
}
