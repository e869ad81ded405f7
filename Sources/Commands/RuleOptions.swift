internal import Agent
internal import ArgumentParser

/// The flag of the commands that use rules.
struct RuleOptions: ParsableArguments {
    @ArgumentParser.Option(
        help: ArgumentHelp(
            "A YAML file of rules that add to the built-in ones or change them. May be given more than once.",
            valueName: "file"))
    var rules: [String] = []

    var flags: [SettingFlag] {
        [.several("diagnosis.rules", "--rules", rules)]
    }
}
