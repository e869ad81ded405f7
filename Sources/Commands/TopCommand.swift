internal import Agent
internal import ArgumentParser
internal import Inspection
internal import SystemSupport
internal import ZMQBridge

/// `arobust top`
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Watch the node in a terminal: rates, masters, ranks, logs, errors.",
        discussion: """
            Shows what arobust status knows, again and again: how much is collected,
            published and acknowledged in a second, how far each master is behind and how
            long that takes, how the ranks' trainings go, what is unread of each log, and
            what is wrong. Keys choose a table, sort and filter it; ? lists them, q leaves.

              arobust top
              arobust top --show ranks --sort S/STEP

            With --once, or where input or output is no terminal, it prints one frame as
            text and ends.

            NO_COLOR in the environment turns colours off.

            \(HelpText.settings)

            Exit status: 0 when it was left with q or Ctrl-C; 1 if it failed, with --once
            also where no publisher answers; 64 for a wrong flag or setting.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var directories: StateDirectoryOptions

    @ArgumentParser.Flag(help: "Print one frame and end.")
    var once = false

    @ArgumentParser.Option(
        help: ArgumentHelp("How often to look again, from 500ms to 60s.", valueName: "duration"))
    var interval = "2s"

    @ArgumentParser.Option(
        help: "Show one table: masters, ranks, logs, lanes or messages (default: all).")
    var show: TopSection?

    @ArgumentParser.Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Sort the table of --show by this column, the greatest first; with - in front the other way.",
            valueName: "column"))
    var sort: String?

    @ArgumentParser.Option(help: ArgumentHelp("Show only rows with this text.", valueName: "text"))
    var filter: String?

    func validate() throws {
        _ = try view()
    }

    private func view() throws -> TopView {
        guard let duration = DurationText.read(interval), duration >= .milliseconds(500), duration <= .seconds(60)
        else {
            throw ValidationError("--interval is '\(interval)'; it must be a duration with a unit from 500ms to 60s")
        }
        var view = TopView(interval: duration)
        view.section = show
        view.filter = filter ?? ""
        guard let sort else { return view }
        guard let show else { throw ValidationError("--sort needs --show, which says of which table") }
        let isReversed = sort.hasPrefix("-")
        let name = (isReversed ? sort.dropFirst() : sort[...]).uppercased()
        let titles = TopFrame.titles(of: show)
        guard let column = titles.firstIndex(of: name) else {
            throw ValidationError(
                "--sort is '\(sort)'; \(show.rawValue) can be sorted by \(titles.joined(separator: ", "))")
        }
        view.sorts[show] = TopSort(column: column, isReversed: isReversed)
        return view
    }

    func run() async throws {
        let settings = try common.settings(directories.flags)
        let view = try view()
        try await CommandFailure.wrap {
            let source = TopSource(
                try settings.publisherDirectories().map {
                    ($0, settings.consumersDirectory ?? $0.consumersDirectory)
                })
            let environment = ProcessEnvironment.all()
            guard !once, TerminalScreen.isUsable(terminal: environment["TERM"]) else {
                return try await printOnce(source, view)
            }
            let screen = TerminalScreen(hasColour: environment["NO_COLOR", default: ""].isEmpty)
            var session = TopSession(source: source, screen: screen, view: view)
            try await session.run()
        }
    }

    /// Two looks: rates need two.
    private func printOnce(_ source: TopSource, _ view: TopView) async throws {
        var rates = TopRates()
        let first = await source.look()
        _ = TopFrame(first, rates: &rates)
        if !first.reports.isEmpty { try await Task.sleep(for: .seconds(1)) }
        let look = first.reports.isEmpty ? first : await source.look()
        for absence in look.absences { StandardError.say("Error: \(absence)") }
        guard !look.reports.isEmpty else { throw ExitCode.failure }
        let width = StandardOutput.isTerminal ? TerminalScreen.size.columns : nil
        try StandardOutput.write(.lines(TopFrame(look, rates: &rates).plainLines(view, width: width)))
        if !look.absences.isEmpty { throw ExitCode.failure }
    }
}

extension TopSection: ExpressibleByArgument {}
