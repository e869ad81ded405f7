import Diagnosis
import TestSupport
import Testing

@testable import Redaction

@Suite struct TextRedactionTests {
    private func shown(_ text: String, _ rules: [RedactionRule], type: DiagnosisDataType = .trainingLog) -> String {
        let outcome = TextRedaction(rules, for: type).apply(to: Array(text.utf8))
        return outcome.text.map { String(decoding: $0, as: UTF8.self) } ?? text
    }

    private func rule(
        _ pattern: String, _ replacement: String = "***", types: Set<DiagnosisDataType>? = nil
    ) throws -> RedactionRule {
        try RedactionRule(name: "own", pattern: pattern, replacement: replacement, types: types)
    }

    // MARK: ready-made rules

    @Test(arguments: [
        ("aws-keys", "id AKIAIOSFODNN7EXAMPLE.", "id [redacted]."),
        ("aws-keys", "(ASIAIOSFODNN7EXAMPLE)", "([redacted])"),
        (
            "aws-keys", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY x",
            "AWS_SECRET_ACCESS_KEY=[redacted] x"
        ),
        (
            "aws-keys", "\"secretAccessKey\": \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\"",
            "\"secretAccessKey\": \"[redacted]\""
        ),
        ("aws-keys", "MAKIAIOSFODNN7EXAMPLE is another word", "MAKIAIOSFODNN7EXAMPLE is another word"),
        ("bearer-tokens", "Authorization: Bearer abcdefgh.ijk-l== next", "Authorization: Bearer [redacted] next"),
        ("bearer-tokens", "the bearer of news", "the bearer of news"),
        (
            "url-passwords", "postgres://me:p@ss:w@db:5432/x and a://b:c@d",
            "postgres://me:[redacted]@db:5432/x and a://b:[redacted]@d"
        ),
        ("url-passwords", "http://host:8080/a@b http://host/x", "http://host:8080/a@b http://host/x"),
        ("secrets", "login token=hunter2hunter2hunter2 ok", "login token=[redacted] ok"),
    ]) func readyMadeRules(_ name: String, _ text: String, _ expected: String) throws {
        #expect(shown(text, try #require(RedactionRule.named(name))) == expected)
    }

    @Test func everyNameHasRules() {
        for name in RedactionRule.names { #expect(RedactionRule.named(name)?.isEmpty == false) }
        #expect(RedactionRule.named("passwords") == nil)
    }

    // MARK: rules of one's own

    @Test(arguments: [
        ("user=[a-z]+", "user=***", "a user=bob user=al.\nb user=x", "a user=*** user=***.\nb user=***"),
        ("(id:)[0-9]+(;)", #"\1?\2\\"#, "id:17; id:x; id:3;", #"id:?;\ id:x; id:?;\"#),
        ("^secret.*$", "-", "secret a\nno secret\nsecret b", "-\nno secret\n-"),
        ("[0-9]{4}", "", "ab1234cd", "abcd"),
        ("x*y", "z", "xxyxy y", "zz z"),
        ("nothing", "-", "some text\n", "some text\n"),
        ("a|b", "-", "abc", "--c"),
    ]) func ownRules(_ pattern: String, _ replacement: String, _ text: String, _ expected: String) throws {
        #expect(shown(text, [try rule(pattern, replacement)]) == expected)
    }

    @Test func oneRuleAfterTheOther() throws {
        #expect(shown("alpha", [try rule("alpha", "beta"), try rule("beta", "gamma")]) == "gamma")
    }

    @Test func rulesMayBeForSomeTypes() throws {
        let rules = [try rule("alpha", types: [.stackTrace])]
        #expect(shown("alpha", rules) == "alpha")
        #expect(shown("alpha", rules, type: .stackTrace) == "***")
    }

    /// A line is looked at in windows; nothing between them is missed, and no long match leaves its end behind.
    @Test(arguments: [0, 1, 1000, 3070, 3071, 3072, 3080, 4090, 4095, 4096, 7166, 7167, 9000, 100_000]) func longLines(
        _ offset: Int
    ) throws {
        let (before, after) = (String(repeating: "-", count: offset), String(repeating: "-", count: 5000))
        #expect(shown(before + "key=12345678;" + after, [try rule("key=[0-9]+")]) == before + "***;" + after)
        let long = String(repeating: "7", count: 30_000)
        #expect(shown(before + "key=\(long);" + after, [try rule("key=[0-9]+")]) == before + "***;" + after)
        let longest = String(repeating: "7", count: MatchPattern.longestMatch + 5)
        #expect(shown(before + "key=\(longest);x\nnext", [try rule("key=[0-9]+")]) == before + "***\nnext")
    }

    /// What the search for texts leaves out, every line tried one by one would not have found either.
    @Test func theFastWayFindsTheSame() throws {
        var generator = SeededGenerator(seed: 20_261_130)
        let pieces = ["key=", "12", "AKIA", "key", "=", " ", "\n", "\n", "x", "://u:p@h", "ab"]
        let fast = try rule("key=[0-9]+")
        // The same, of which nothing is certain to be there.
        let slow = try rule("key=[0-9]+|\u{1}")
        for _ in 0..<2000 {
            let text = (0..<Int.random(in: 0..<60, using: &generator)).map { _ in
                pieces.randomElement(using: &generator) ?? ""
            }.joined()
            #expect(shown(text, [fast]) == shown(text, [slow]))
        }
    }

    // MARK: what is refused

    @Test(arguments: [
        ("a(b", "Unmatched ( or \\("), ("x*", "it matches where nothing stands"),
        ("", "it matches where nothing stands"),
        ("(a)\\1", "it has a back-reference"), ("a\nb", "it is matched with one line at a time"),
        (String(repeating: "a", count: 1001), "it is longer than 1000 bytes"),
        ("((((a{1,255}){1,255}){1,255}){1,255}){9}", "with its repetitions written out it has 4000 pieces"),
        ("(((((((((([0-9]))))))))))", "it has 10 groups; 9 are allowed"),
    ]) func patternsThatCannotBeUsed(_ pattern: String, _ reason: String) throws {
        let problem = try #require(throws: RedactionProblem.self) { try rule(pattern) }
        #expect(problem.description.hasPrefix(reason))
    }

    @Test func aPatternThatTakesTooLongIsRefused() throws {
        let problem = try #require(throws: RedactionProblem.self) {
            try RedactionRule(name: "own", pattern: "a[0-9]*b", longestTrial: 1)
        }
        #expect(problem.description.contains("ms of CPU for at most 4096 bytes"))
    }

    @Test(arguments: [
        (#"\2"#, #"its replacement has \2, and the pattern 1 groups"#),
        (#"a\"#, "its replacement ends with a single backslash"),
        (#"\n"#, "its replacement has a backslash before neither"), ("a\nb", "its replacement has a line break"),
        (String(repeating: "x", count: 201), "its replacement is longer than 200 bytes"),
    ]) func replacementsThatCannotBeUsed(_ replacement: String, _ reason: String) throws {
        let problem = try #require(throws: RedactionProblem.self) { try rule("(a)", replacement) }
        #expect(problem.description.hasPrefix(reason))
    }

    // MARK: the text that every match has

    @Test(
        arguments: [
            ("user=[a-z]+", "user="), ("a+bcd", "bcd"), ("abc?def", "def"), ("token\\.id", "token.id"),
            ("(abcdef)gh", nil),
            ("abcd|efgh", nil), ("[[:alpha:]]x[]abc]wxyz", "wxyz"), ("abc{2}", nil), ("\\wabcd", "abcd"),
            ("^abcd$", "abcd"),
            ("abcde*", "abcd"), ("a.c", nil), ("(a[)(]b)wxyz", "wxyz"),
        ] as [(String, String?)]) func requiredTexts(_ pattern: String, _ text: String?)
    {
        #expect(RequiredText.of(pattern).map { String(decoding: $0, as: UTF8.self) } == text)
    }
}
