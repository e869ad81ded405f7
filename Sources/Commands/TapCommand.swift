internal import Agent
internal import ArgumentParser
internal import Diagnosis
internal import Inspection
internal import Logging
internal import SystemSupport

/// `arobust tap`
struct TapCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tap",
        abstract: "Watch the bus live, or what has been on it.",
        discussion: """
            Shows time, type, node, size and first line of each metric, or with --json
            the metrics themselves. Shows what comes from now on, and with --since,
            --from or --last first what the journal retains. Says so if there is no
            publisher, and waits for one unless told otherwise. Any number can run; none
            disturbs another consumer. With --connect nats://host:port/STREAM it shows a
            stream of NATS JetStream; --from and --last then count the stream's messages.

              arobust tap --type TRAINING_LOG --json | jq -r .data_content
              arobust tap --since 10m

            \(HelpText.settings)

            Exit status: 0 when it ended normally, 1 if it failed, 2 if no publisher
            answered in the time of --wait, 64 for a wrong flag or setting.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var sources: SourceOptions

    @ArgumentParser.Flag(help: "Print each metric as JSON, one a line.")
    var json = false

    @ArgumentParser.Option(
        help: ArgumentHelp("Show only this data type. May be given more than once.", valueName: "type"))
    var type: [String] = []

    @ArgumentParser.Option(
        parsing: .unconditional, help: ArgumentHelp("Show only the node of this rank.", valueName: "n"))
    var nodeRank: Int?

    @ArgumentParser.Option(parsing: .unconditional, help: ArgumentHelp("End after this many metrics.", valueName: "n"))
    var count: Int?

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "Begin with what was collected so long ago, or at this time (10m, 2026-11-23T18:00:00Z).", valueName: "time"
        ))
    var since: String?

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "Begin with this sequence of each type: oldest, N (in the newest epoch), or EPOCH/N.", valueName: "seq"))
    var from: String?

    @ArgumentParser.Option(
        parsing: .unconditional, help: ArgumentHelp("Begin with the last n of each type.", valueName: "n"))
    var last: Int?

    @ArgumentParser.Option(
        help: ArgumentHelp("How long to wait for a publisher (default: for ever).", valueName: "duration"))
    var wait: String?

    @ArgumentParser.Flag(help: "Don't wait for a publisher longer than a running one needs to answer: 2s.")
    var noWait = false

    func validate() throws {
        guard [since, from, last.map { "\($0)" }].compactMap({ $0 }).count < 2 else {
            throw ValidationError("--since, --from and --last exclude each other")
        }
        if let last, last < 0 { throw ValidationError("--last is \(last); it must be at least 0") }
        _ = try start()
        _ = try patience()
        if let count, count < 1 { throw ValidationError("--count is \(count); it must be at least 1") }
        for name in type where !DiagnosisDataType(rawValue: name).isValid {
            throw ValidationError("--type is '\(name)'; it must be \(TopicWord.rule)")
        }
    }

    /// On a terminal that shows the metrics, the log would stand among them: there only what is wrong is logged.
    private func quieted(_ logger: Logger) -> Logger {
        guard common.logLevel == nil, StandardOutput.isTerminal, StandardError.isTerminal else { return logger }
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        return logger
    }

    /// How long to wait for a publisher; `nil`: for ever.
    private func patience() throws -> Duration? {
        guard let wait else { return noWait ? .seconds(2) : nil }
        guard !noWait else { throw ValidationError("--wait and --no-wait exclude each other") }
        guard let duration = DurationText.read(wait), duration > .zero, duration <= DurationText.longest else {
            throw ValidationError(
                "--wait is '\(wait)'; it must be a duration with a unit (500ms, 2s, 10m) from 1ms to 24h")
        }
        return duration
    }

    private func start() throws -> StreamStart {
        if let last { return .last(UInt64(last)) }
        if let since {
            guard let time = TimeText.read(since, now: WallClock.seconds()) else {
                throw ValidationError("--since is '\(since)'; it must be \(TimeText.rule)")
            }
            return .since(time)
        }
        guard let from else { return .now }
        if from == "oldest" { return .oldest }
        if let sequence = UInt64(from), sequence < .max { return .sequence(sequence) }
        guard let position = PositionText.read(from) else {
            throw ValidationError(
                "--from is '\(from)'; it must be oldest, a sequence, or an epoch, a slash and a sequence")
        }
        return .after(LanePosition(epoch: position.epoch, sequence: max(position.sequence, 1) - 1))
    }

    func run() async throws {
        let settings = try common.settings(sources.flags)
        let printer = TapPrinter(
            format: json ? .json : .readable, start: try start(), nodeRank: nodeRank, count: count)
        let patience = try patience()
        try await CommandFailure.wrap {
            try await CommonOptions.withLogger(settings) { logger in
                let services = AgentServices(settings: settings, logger: quieted(logger))
                let types = Set(type.map { DiagnosisDataType(rawValue: $0) })
                do {
                    if try services.readsStream() {
                        try await services.runStreamTap(
                            dataTypes: types, receiver: printer, from: try start(), patience: patience
                        ) { StandardError.say("-- waiting: \($0.message)") }
                    } else {
                        try await services.runTap(dataTypes: types, receiver: printer, patience: patience) {
                            StandardError.say("-- waiting: \($0)")
                        }
                    }
                    try printer.checkPrinted()
                } catch let error as ReportError {
                    StandardError.say("Error: \(error.message)")
                    throw ExitCode(2)
                } catch let error as NoPublisherError {
                    StandardError.say("Error: \(error)")
                    throw ExitCode(2)
                }
            }
        }
    }
}
