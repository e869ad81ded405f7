@testable import Commands
import Testing

@Suite struct CommandAdviceTests {
    @Test(arguments: [
        (["stauts"], "arobust has no command 'stauts'. Did you mean 'status'?"),
        (["statu", "--json"], "arobust has no command 'statu'. Did you mean 'status'?"),
        (["help", "unheard"], "arobust has no command 'unheard'."),
        (["help", "journal", "lss"], "arobust journal has no command 'lss'. Did you mean 'ls'?"),
        (["config", "chekc", "--log-file", "x"], "arobust config has no command 'chekc'. Did you mean 'check'?"),
        (["rules", "explian", "x"], "arobust rules has no command 'explian'. Did you mean 'explain'?"),
    ])
    func aCommandThatIsNotThere(arguments: [String], sentence: String) {
        #expect(CommandAdvice.unknownCommand(in: arguments)?.first == "Error: " + sentence)
    }

    @Test(arguments: [
        [], ["help"], ["help", "help"], ["help", "journal"], ["help", "journal", "ls"], ["--version"], ["status"],
        ["config", "check", "x"],
        ["journal"], ["journal", "--help"], ["collect", "extra"], ["forget", "x"], ["--nope", "stauts"],
    ])
    func whatTheParserKnows(arguments: [String]) {
        #expect(CommandAdvice.unknownCommand(in: arguments) == nil)
    }

    @Test(arguments: [
        (
            ["collect", "--master", "h:1"], "Error: Unknown option '--master'. Did you mean '--listen'?\nUsage",
            "Error: Unknown option '--master': it is a flag of arobust agent, bridge and diagnose.\nUsage"
        ),
        (
            ["bridge", "--log-file", "x"], "Error: Unknown option '--log-file'",
            "Error: Unknown option '--log-file': it is a flag of arobust agent and collect."
        ),
        (
            ["collect", "--log-files", "x"], "Error: Unknown option '--log-files'. Did you mean '--log-file'?",
            "Error: Unknown option '--log-files'. Did you mean '--log-file'?"
        ),
        (
            ["collect", "--frobnicate"], "Error: Unknown option '--frobnicate'. Did you mean '--torchrun-logs'?",
            "Error: Unknown option '--frobnicate'"
        ),
        (["collect", "-x"], "Error: Unknown option '-x'", "Error: Unknown option '-x'"),
    ])
    func aFlagThatTheCommandDoesNotHave(arguments: [String], message: String, better: String) {
        #expect(CommandAdvice.improved(message, arguments: arguments) == better)
    }
}
