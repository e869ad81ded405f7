import Diagnosis
import Testing

@testable import ZMQBridge

@Suite struct ControlJSONTests {
    @Test(
        arguments: [
            (#"{"op":"status"}"#, nil), (#" { "op" : "replay", "data_type":"A", "after":[1,2] } "#, nil),
            (#"{"op":"status","op":"forget"}"#, "at byte 15: key 'op' stands twice"),
            (#"{"op":"status","\u006fp":"forget"}"#, "key 'op' stands twice"),
            (
                #"{"op":"commit","consumer":"c","lanes":[{"data_type":"A","through":[1,2],"through":[1,9]}]}"#,
                "'through' stands twice"
            ),
            (#"{"op":"commit","consumer":"c","state":{"a":"1","a":"2"}}"#, "'a' stands twice"),
            (#"{"op":"sing"}"#, "'op' has a value that is not allowed"), (#"{"data_type":"A"}"#, "'op' is missing"),
            (#"{"op":"commit","consumer":7}"#, "'consumer' has the wrong type"),
            (#"{"op":"commit","lanes":[{"data_type":"A","through":[1]}]}"#, "'lanes[0].through[1]'"),
            (#"{"op":"commit","lanes":[{"data_type":"A","through":[1,-2]}]}"#, "out of range"),
            (#"{"op":"replay","credit":1e999}"#, "out of range"),
            (#"{"op":"commit","state":{"\u001b[31m":1}}"#, "'state.?'"),
            ("", "the text ends"), ("nonsense", "not JSON"), (#"{"op":"status"} {}"#, "nothing after the value"),
            (#"{"op":"status""#, "expected ',' or '}'"), (#"{"op":"sta"#, "a string has no end"),
            (#"{"op":"a\u00"#, "no end"),
            ("{\"\0\":1}", "at byte 2: a control character in a string must be escaped"),
            ("{\"op\n\":1}", "a control character"), ("{\"op\":\"\u{1F}\"}", "a control character"),
            ("{\"op\u{7F}\":1}", "'op' is missing"), (#"{"\"#, "no end"), (#"{"\":1}"#, "no end"),
            (String(repeating: "[", count: 100_000), "nested more than"), (#"{"op":null}"#, "'op'"),
            ("[]", "the message"),
        ] as [(String, String?)])
    func saysWhatIsWrongInWords(json: String, words: String?) {
        do throws(ControlJSON.Refusal) {
            _ = try ControlJSON.decode(ReplayRequest.self, json.utf8)
            #expect(words == nil)
        } catch {
            #expect(words.map { error.description.contains($0) } == true, "\(error)")
            #expect(error.description.utf8.count < 200)
            // Nothing of the decoder, nothing of this program.
            for word in ["Decod", "Swift", "Coding", "debug", "\u{1B}"] { #expect(!error.description.contains(word)) }
        }
    }
}
