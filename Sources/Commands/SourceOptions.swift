internal import Agent
internal import ArgumentParser

/// The flags of the commands that listen to publishers.
struct SourceOptions: ParsableArguments {
    @ArgumentParser.Option(
        help: ArgumentHelp(
            "A publisher's state directory. May be given more than once (default: as for arobust agent).",
            valueName: "dir"))
    var stateDir: [String] = []

    static let connectHelp = ArgumentHelp(
        "A publisher's endpoint, ipc:// or loopback tcp://. May be given more than once.", valueName: "endpoint")

    @ArgumentParser.Option(help: connectHelp)
    var connect: [String] = []

    var flags: [SettingFlag] {
        [.several("state-dir", "--state-dir", stateDir), .several("connect", "--connect", connect)]
    }
}
