internal import Logging
private import SystemSupport

/// Writes arobust's own log without what a terminal could take for a command, and without secrets, an event a line: paths and remote texts in it
/// come from outside.
struct SafeLogHandler: LogHandler {
    private var handler: any LogHandler

    init(_ handler: any LogHandler) {
        self.handler = handler
    }

    var logLevel: Logger.Level {
        get { handler.logLevel }
        set { handler.logLevel = newValue }
    }

    var metadata: Logger.Metadata {
        get { handler.metadata }
        set { handler.metadata = newValue.mapValues(Self.safe) }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { handler.metadataProvider }
        set { handler.metadataProvider = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { handler[metadataKey: key] }
        set { handler[metadataKey: key] = newValue.map(Self.safe) }
    }

    func log(event: LogEvent) {
        var event = event
        event.message = "\(SecretText.line(event.message.description))"
        event.metadata = event.metadata?.mapValues(Self.safe)
        if let error = event.error {
            event.metadata = (event.metadata ?? [:]).merging(["error": Self.safe("\(error)")]) { $1 }
            event.error = nil
        }
        handler.log(event: event)
    }

    private static func safe(_ value: Logger.Metadata.Value) -> Logger.Metadata.Value {
        switch value {
        case .string(let text): .string(SecretText.line(text))
        case .stringConvertible(let value): .string(SecretText.line(value.description))
        case .array(let values): .array(values.map(safe))
        case .dictionary(let values): .dictionary(values.mapValues(safe))
        }
    }
}
