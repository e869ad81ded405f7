internal import Agent
internal import ArgumentParser
internal import Diagnosis
internal import Hang
internal import Inspection
internal import SystemSupport
internal import ZMQBridge

/// `arobust hang`
struct HangCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hang",
        abstract: "Say which rank hangs, and why, from the evidence of every rank.",
        discussion: """
            Reads incidents that agents have recorded, PyTorch Flight Recorder dumps and
            stacks, of any number of nodes, and joins them into one answer: the sentence,
            the collectives with the ranks that are missing, the stacks, what is missing.

              arobust hang
              arobust hang node0.tar node1.tar node2.tar
              arobust hang --flight-recorder /tmp/fr --stacks 3=stacks-of-3.txt

            A source is a state directory (its newest incident), a bundle that arobust
            incident export wrote, a summary that --summary wrote, a dump whose name ends
            in the rank, or a folder of those. Without any, it is the state directory.

            \(HelpText.settings)

            Exit status: 0 when there is an answer, whatever it is; 1 if nothing could be
            read; 64 for a wrong flag or setting.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var directories: StateDirectoryOptions

    @ArgumentParser.Argument(help: "State directories, bundles, summaries, dumps, stacks, or folders of them.")
    var sources: [String] = []

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "A folder of Flight Recorder dumps, whose names end in the rank. May be given more than once.",
            valueName: "dir"))
    var flightRecorder: [String] = []

    @ArgumentParser.Option(
        help: ArgumentHelp(
            """
            A rank's stacks, as py-spy or Python's faulthandler write them; the rank is before an equals sign or ends the \
            name. May be given more than once.
            """, valueName: "[rank=]file"))
    var stacks: [String] = []

    @ArgumentParser.Option(
        help: ArgumentHelp("An incident of the state directories (default: the newest).", valueName: "id"))
    var incident: String?

    @ArgumentParser.Flag(help: "Print JSON.")
    var json = false

    @ArgumentParser.Option(
        help: ArgumentHelp("Write the stacks as a flame graph for a browser.", valueName: "file.svg"))
    var flame: String?

    @ArgumentParser.Option(help: ArgumentHelp("Write the stacks for speedscope.app.", valueName: "file.json"))
    var speedscope: String?

    @ArgumentParser.Option(
        help: ArgumentHelp(
            "Write what is known in a small form that merges with other nodes', as a source.", valueName: "file.json"))
    var summary: String?

    func run() async throws {
        let settings = try common.settings(directories.flags)
        try await CommandFailure.wrap {
            var read = HangSources()
            for path in flightRecorder + sources { try read.add(path, incident: incident) }
            for text in stacks {
                let source = RankedPath(text)
                try read.checkIsThere(source.path)
                read.add(file: source.path, rank: source.rank)
            }
            if (sources + flightRecorder + stacks).isEmpty {
                for directory in try settings.stateDirectories() {
                    try await StateDirectoryAccess.explaining(directory) {
                        try directory.checkForClients()
                        try read.add(directory.path, incident: incident)
                    }
                }
            }
            let answer = HangAnswer(read.evidence)
            try write(answer)
            try StandardOutput.write(json ? .json([answer.json.text ?? "{}"]) : .lines(HangText(answer).lines))
            if read.count == 0 {
                StandardError.say("Error: nothing could be read; the notes say why.")
                throw ExitCode.failure
            }
        }
    }

    private func write(_ answer: HangAnswer) throws {
        if let flame { try WholeFile(path: flame).replace(with: FlameGraph(answer.stacks).svg, mode: 0o644) }
        if let speedscope {
            try WholeFile(path: speedscope).replace(with: SpeedscopeFile(answer.stacks).json, mode: 0o644)
        }
        if let summary, let json = answer.evidence.json {
            try WholeFile(path: summary).replace(with: json, mode: 0o644)
        }
    }
}
