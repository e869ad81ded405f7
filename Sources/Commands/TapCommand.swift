internal import Agent
internal import ArgumentParser
internal import Diagnosis

/// `arobust tap`
struct TapCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tap",
        abstract: "Watch the bus live.",
        discussion: """
            Shows time, type, node, size and first line of each metric, or with --json
            the metrics themselves. Shows what comes from now on, nothing older. Waits
            for a publisher that is not there yet. Any number can run; none disturbs
            another consumer.

              arobust tap --type TRAINING_LOG --json | jq -r .data_content

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

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count is \(count); it must be at least 1") }
        for name in type where !DiagnosisDataType(rawValue: name).isValid {
            throw ValidationError("--type is '\(name)'; it must be \(TopicWord.rule)")
        }
    }

    func run() async throws {
        let settings = try common.settings(sources.flags)
        let printer = TapPrinter(format: json ? .json : .readable, nodeRank: nodeRank, count: count)
        try await CommandFailure.wrap {
            try await AgentServices(settings: settings, logger: CommonOptions.logger(settings))
                .runTap(dataTypes: Set(type.map { DiagnosisDataType(rawValue: $0) })) { printer.print($0) }
        }
    }
}
