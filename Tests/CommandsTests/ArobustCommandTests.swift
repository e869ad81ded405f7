import ArgumentParser
@testable import Commands
import Testing

@Suite struct ArobustCommandTests {
    @Test func everyCommandHasAnAbstract() {
        for command in ArobustCommand.configuration.subcommands {
            #expect(!command.configuration.abstract.isEmpty, "\(command)")
        }
    }
}
