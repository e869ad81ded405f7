import TestSupport
import Testing

@testable import YAML

struct YAMLDocumentTests {
    /// The value as one line: `{a@1: [b@2]}@1`.
    private func shown(_ node: YAMLNode) -> String {
        switch node.content {
        case .scalar(let text): "\(text)@\(node.line)"
        case .sequence(let items): "[\(items.map(shown).joined(separator: ", "))]@\(node.line)"
        case .mapping(let pairs):
            "{\(pairs.map { "\(shown($0.key)): \(shown($0.value))" }.joined(separator: ", "))}@\(node.line)"
        }
    }

    @Test(arguments: [
        ("a: 1\nb:\n  - x\n  - 'y z'\n", "{a@1: 1@1, b@2: [x@3, y z@4]@3}@1"),
        ("{a: [1, 2], ? [k] : v}", "{a@1: [1@1, 2@1]@1, [k@1]@1: v@1}@1"),
        ("# comment\n---\n- |\n  two\n  lines\n- >-\n  folded\n  text\n...\n", "[two\nlines\n@3, folded text@6]@3"),
        (#"["\u00e9\x41\n", 'it''s', "nul\0"]"#, "[éA\n@1, it's@1, nul\0@1]@1"),
        ("yes: ~\nno: 0o17\n1.0: 2001-01-01", "{yes@1: ~@1, no@2: 0o17@2, 1.0@3: 2001-01-01@3}@1"),
        ("a: !!int '5'\nb: !own {c: }", "{a@1: 5@1, b@2: {c@2: @2}@2}@1"),
        ("a: &x [1, &y 2]\nb: *x\nc: *y", "{a@1: [1@1, 2@1]@1, b@2: [1@1, 2@1]@1, c@3: 2@1}@1"),
        ("a: &x 1\nb: &x 2\nc: *x", "{a@1: 1@1, b@2: 2@2, c@3: 2@2}@1"),
        ("\u{FEFF}a: ü", "{a@1: ü@1}@1"),
        ("just a text", "just a text@1"),
    ]) func readsWhatStandsThere(text: String, expected: String) throws {
        #expect(try YAMLDocument.root(of: text).map(shown) == expected)
    }

    @Test(arguments: ["", "\n\n", "# only a comment\n"]) func aTextWithoutADocumentIsNone(text: String) throws {
        #expect(try YAMLDocument.root(of: text).map(shown) == nil)
    }

    @Test(arguments: [
        ("a: [", "line 2, column 1: while parsing a flow node in line 2: did not find expected node content"),
        ("a: b: c", "line 1, column 5: mapping values are not allowed in this context"),
        (
            "a:\n\t- b",
            "line 2, column 1: while scanning for the next token in line 2: found character that cannot start any token"
        ),
        (
            "x: 1\n--- y",
            "line 2, column 1: expected a single document in the stream in line 1: but found another document"
        ),
        ("a: 'b", "line 1, column 6: while scanning a quoted scalar in line 1: found unexpected end of stream"),
        ("a\nb\u{1}", "line 2: control characters are not allowed"),
        ("a: *b", "line 1, column 4: found undefined alias"),
        ("a: &b [*b]", "line 1, column 8: found undefined alias"),
        ("b:\n  a: 1\n  c: 2\n  a: 3", "in the mapping that begins in line 2: 'a' stands twice"),
        ("{a: 1, 'a': 2, b: 3, b: 4}", "in the mapping that begins in line 1: 'a', 'b' stand twice"),
        ("{\"\\e[1m\": 1, \"\\e[1m\": 2}", #"in the mapping that begins in line 1: '\x1b[1m' stands twice"#),
    ]) func saysWhatIsWrongAndWhere(text: String, expected: String) throws {
        let problem = #expect(throws: YAMLProblem.self) { try YAMLDocument.root(of: text) }
        #expect(problem?.description == expected)
    }

    @Test func noSecretIsShown() throws {
        let problem = #expect(throws: YAMLProblem.self) {
            try YAMLDocument.root(of: "url: http://user:hunter2@host: x\npassword: 'hunter2")
        }
        #expect(problem?.description.contains("hunter2") == false)
    }

    @Test func aFewLinesAreNoBillionValues() throws {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            text += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n"
        }
        let problem = #expect(throws: YAMLProblem.self) { try YAMLDocument.root(of: text) }
        #expect(problem?.description.hasSuffix("more than 1000000 values, with those of its aliases") == true)
    }

    @Test func deepNestingIsRefusedAndNoCrash() throws {
        for text in [String(repeating: "[", count: 100_000), String(repeating: "- ", count: 100_000)] {
            #expect(throws: YAMLProblem.self) { try YAMLDocument.root(of: text) }
        }
        let allowed = String(repeating: "[", count: 499) + String(repeating: "]", count: 499)
        #expect(try YAMLDocument.root(of: allowed) != nil)
    }
}
