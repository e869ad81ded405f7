import TestSupport
import Testing

@testable import Agent

@Suite(.timeLimit(.minutes(1))) struct ListTextTests {
    private let scratch = ScratchFolder()

    @Test(arguments: [
        ("a,b", ["a", "b"]), ("a, b,", ["a", "b"]), ("", []), ("a\nb", ["a", "b"]),
        (#"/x/lr=0.1\,bs=32/0 [a]/t.log,b"#, ["/x/lr=0.1,bs=32/0 [a]/t.log", "b"]),
        (#"a\b\"#, [#"a\b\"#]), (#"["a,b", 'c']"#, ["a,b", "c"]), (" [a, b]", ["a", "b"]),
    ])
    func itemsAreSeparated(text: String, items: [String]) throws {
        #expect(try ListText.items(of: text, place: "here") == items)
    }

    @Test func anExistingFileWins() throws {
        let path = try scratch.write("x", to: "lr=0.1,bs=32.log")
        #expect(try ListText.items(of: path, place: "here") == [path])
        #expect(try ListText.items(of: path + "x", place: "here").count == 2)
    }

    @Test(arguments: ["[a", "[a] b", "[[a]]"]) func aBrokenListIsNamed(text: String) {
        let error = #expect(throws: SettingsError.self) { try ListText.items(of: text, place: "here") }
        #expect(error.map { "\($0)".contains("here") && "\($0)".contains("list") } == true)
    }
}
