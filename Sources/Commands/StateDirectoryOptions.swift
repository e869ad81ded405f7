internal import Agent
internal import ArgumentParser

/// The flag of the commands that look into state directories.
struct StateDirectoryOptions: ParsableArguments {
    @ArgumentParser.Option(
        help: ArgumentHelp("A publisher's state directory (default: as for arobust agent).", valueName: "dir"))
    var stateDir: [String] = []

    var flags: [SettingFlag] {
        [.several("state-dir", "--state-dir", stateDir)]
    }
}
