internal import Agent
internal import Logging

/// Logs from the level on that a switch says, which may change while the program runs; a copy that was given a level of its own keeps that.
struct SwitchedLogHandler: LogHandler {
    private var handler: any LogHandler
    private let level: LogLevelSwitch
    private var ownLevel: Logger.Level?

    init(_ handler: any LogHandler, level: LogLevelSwitch) {
        self.handler = handler
        self.level = level
    }

    var logLevel: Logger.Level {
        get { ownLevel ?? level.level }
        set { ownLevel = newValue }
    }

    var metadata: Logger.Metadata {
        get { handler.metadata }
        set { handler.metadata = newValue }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { handler.metadataProvider }
        set { handler.metadataProvider = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { handler[metadataKey: key] }
        set { handler[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) { handler.log(event: event) }
}
