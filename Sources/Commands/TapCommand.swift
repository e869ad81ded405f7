internal import Agent
internal import ArgumentParser
internal import Diagnosis
internal import Inspection
internal import SystemSupport

/// `arobust tap`
struct TapCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tap",
        abstract: "Watch the bus live, or what has been on it.",
        discussion: """
            Shows time, type, node, size and first line of each metric, or with --json
            the metrics themselves. Shows what comes from now on, and with --since,
            --from or --last first what the journal retains. Waits for a publisher that
            is not there yet. Any number can run; none disturbs another consumer.

              arobust tap --type TRAINING_LOG --json | jq -r .data_content
              arobust tap --since 10m

            \(HelpText.settings)

            \(HelpText.status)
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var sources: SourceOptions

    @ArgumentParser.Flag(help: "Print each metric as JSON, one a line.")
    var json = false

    @ArgumentParser.Option(
        help: ArgumentHelp("Show only this data type. May be given more than once.", valueName: "type"))
    var type: [String] = []

    @ArgumentParser.Option(help: ArgumentHelp("Show only the node of this rank.", valueName: "n"))
    var nodeRank: Int?

    @ArgumentParser.Option(help: ArgumentHelp("End after this many metrics.", valueName: "n"))
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

    @ArgumentParser.Option(help: ArgumentHelp("Begin with the last n of each type.", valueName: "n"))
    var last: Int?

    func validate() throws {
        guard [since, from, last.map { "\($0)" }].compactMap({ $0 }).count < 2 else {
            throw ValidationError("--since, --from and --last exclude each other")
        }
        if let last, last < 0 { throw ValidationError("--last is \(last); it must be at least 0") }
        _ = try start()
        if let count, count < 1 { throw ValidationError("--count is \(count); it must be at least 1") }
        for name in type where !DiagnosisDataType(rawValue: name).isValid {
            throw ValidationError("--type is '\(name)'; it must be \(TopicWord.rule)")
        }
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
        try await CommandFailure.wrap {
            try await CommonOptions.withLogger(settings) { logger in
                try await AgentServices(settings: settings, logger: logger)
                    .runTap(dataTypes: Set(type.map { DiagnosisDataType(rawValue: $0) }), receiver: printer)
            }
        }
    }
}
