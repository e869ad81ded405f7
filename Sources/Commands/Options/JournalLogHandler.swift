internal import Logging
internal import SystemSupport

/// Writes the log for systemd's journal: an event a line, with its priority in front of it and without a time, which the journal has itself.
///
/// `<4>A master does not answer. master=dlrover+grpc://10.0.0.1:50001`
struct JournalLogHandler: LogHandler {
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    /// Takes a line with its end.
    private let write: @Sendable ([UInt8]) -> Void

    /// - Parameter write: where lines go; a test reads them.
    init(write: @escaping @Sendable ([UInt8]) -> Void = { StandardError.write($0) }) {
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
        let fields = values.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        write(Array("\(Self.priority(of: event.level).prefix)\(event.message)\(fields)\n".utf8))
    }

    static func priority(of level: Logger.Level) -> JournalStream.Priority {
        switch level {
        case .trace, .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        case .critical: .critical
        }
    }
}
