import Foundation
import SystemSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct SecretJSONTests {
    /// Texts in which a secret's end is easily mistaken for the string's.
    static let hostile = [
        "token=ab\"cd", "--token ab\"cd", "--token ab\\\"cd", "password: \"x", "api_key=x\\", "Bearer abcdefg\"h",
        "Authorization: x\"y\"z",
        "://u:p\"@h/", "u:pp\"x@h", "{\"token\": \"x", "\"token\": \"a, \"b", "{'token': 'x", "token=\n\"x",
        "token=\"\\\"", "--password '",
        "'--token', '", "api_key: {\"a\": \"b\"}", "token=😀\"x", "token=\\", "token=\\\\\"x", "password=\\u0022x",
        "password:\\",
        "cookie: a\"; b=\"c", "authorization:\\", "-----BEGIN PRIVATE KEY-----\"x", "password=['\"", "<password>\"</",
        "\u{1B}[0m\"\u{0}",
    ]

    @Test(arguments: hostile)
    func everythingStaysInItsPlace(text: String) throws {
        let value: [String: Any] = [
            "a": text, "b": [text, 1, true, NSNull()], "c": ["token": text, "\(text)k": 1.5], "n": UInt64.max,
        ]
        for options: JSONSerialization.WritingOptions in [[], [.prettyPrinted], [.withoutEscapingSlashes]] {
            let json = String(
                decoding: try JSONSerialization.data(withJSONObject: value, options: options), as: UTF8.self)
            let shown = Data(SecretJSON.hidden(in: json).utf8)
            let read = try #require(try JSONSerialization.jsonObject(with: shown) as? [String: Any])
            #expect(Set(read.keys) == ["a", "b", "c", "n"])
            #expect(read["a"] as? String == SecretText.hidden(in: text))
            #expect((read["b"] as? [Any])?.count == 4)
            #expect((read["c"] as? [String: Any])?.count == 2)
            #expect(read["n"] as? UInt64 == .max)
        }
    }

    @Test(arguments: [
        (#"{"a":"token=S1 x","b":2}"#, #"{"a":"token=[redacted] x","b":2}"#),
        (#"{"api_key":"S1","token_count":"17"}"#, #"{"api_key":"[redacted]","token_count":"17"}"#),
        (#"{"token":17,"password":null,"auth":"none"}"#, #"{"token":17,"password":null,"auth":"none"}"#),
        (
            #"{"env":[{"name":"HF_TOKEN","value":"S1"},{"name":"LR","value":"0.1"}]}"#,
            #"{"env":[{"name":"HF_TOKEN","value":"[redacted]"},{"name":"LR","value":"0.1"}]}"#
        ),
        (#"["x","--token","S1","--lr","0.1"]"#, #"["x","--token","[redacted]","--lr","0.1"]"#),
        (#"{"token=a1":1,"token=b2":2}"#, #"{"token=[redacted]":1,"token=[redacted]'":2}"#),
        (#""\u0070assword=S1""#, #""password=[redacted]""#),
        (#"{"a":"\ud83d\ude00 \/ \\ \" \u0001"}"#, #"{"a":"😀 / \\ \" \u0001"}"#),
        ("{\"a\":\"password=S1\"}\n{\"b\":1}\n", "{\"a\":\"password=[redacted]\"}\n{\"b\":1}\n"),
        // Not JSON.
        (#"{"a": "token=S1"#, #"{"a": "token=[redacted]"#),
    ])
    func hidesInStrings(json: String, shown: String) {
        #expect(SecretJSON.hidden(in: json) == shown)
    }
}
