@testable import Commands
import Testing

@Suite struct CommandRunTests {
    @Test(arguments: [
        (["tap\nx"], "Unexpected 'tap\nx'\nUsage", ["Unexpected 'tap\\nx'", "Usage"]),
        (["--since=a\nb"], "--since is 'a\nb'", ["--since is 'a\\nb'"]),
        (["--a\nb=1"], "Unknown option '--a\nb'", ["Unknown option '--a\\nb'"]),
        (["\n"], "Unexpected '\n'\nUsage", ["Unexpected '", "'", "Usage"]),
        ([], "one\ntwo", ["one", "two"]),
    ])
    func anArgumentStaysOnItsLine(arguments: [String], message: String, lines: [String]) {
        #expect(CommandRun.lines(of: message, arguments: arguments) == lines)
    }
}
