import Diagnosis
import Testing

@testable import JetStream

@Suite struct StreamAnswerTests {
    private func answer(_ json: String) -> PublishAnswer { PublishAnswer(.message(Array(json.utf8))) }

    @Test(arguments: [
        (#"{"stream":"arobust","seq":7}"#, 7, false),
        (#"{"stream":"arobust", "seq":18446744073709551,"duplicate": true}"#, 18_446_744_073_709_551, true),
        (#"{"seq" : 12 , "stream":"a"}"#, 12, false),
        (#"{"seq":3,"domain":"hub","stream":"a"}"#, 3, false),
    ])
    func `a stored message has its number`(_ json: String, _ sequence: UInt64, _ isDuplicate: Bool) {
        guard case .stored(sequence, isDuplicate) = answer(json) else {
            Issue.record("\(answer(json))")
            return
        }
    }

    @Test(arguments: [
        (
            #"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 5"},"stream":"a","seq":0}"#,
            10071, true
        ),
        (#"{"error":{"code":400,"err_code":10164,"description":"wrong last sequence: 5"}}"#, 10164, true),
        (
            #"{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"a","seq":0}"#,
            10077, false
        ),
        (#"{"error":{"code":500}}"#, 0, false),
    ])
    func `a refusal has a number and a text`(_ json: String, _ code: Int, _ isWrongLast: Bool) {
        guard case .refused(let problem) = answer(json) else {
            Issue.record("\(answer(json))")
            return
        }
        #expect(problem.code == code && problem.isWrongLastSequence == isWrongLast && !problem.text.isEmpty)
    }

    @Test(arguments: [
        "", "{}", "not JSON", #"{"seq":0}"#, #"{"seq":-1}"#, #"{"seq":"7"}"#, #"{"seq":99999999999999999999999}"#,
        #"{"seq":7"#, #"{"stream":"a"}"#, "\u{0}",
    ])
    func `what says nothing of the message leaves it open`(_ json: String) {
        guard case .unknown = answer(json) else {
            Issue.record("\(answer(json))")
            return
        }
    }

    @Test func `nobody's answer is a refusal, none is not`() {
        guard case .refused(.noResponders) = PublishAnswer(.noResponders) else {
            Issue.record("no responders")
            return
        }
        guard case .unknown("why") = PublishAnswer(.lost("why")) else {
            Issue.record("lost")
            return
        }
    }

    private static let headers = [
        "Arobust-Publisher": "00000000-0000-0001-0000-000000000002", "Arobust-Epoch": "7", "Arobust-Sequence": "3",
        "Arobust-Data-Type": "TRAINING_LOG",
    ]

    @Test func `a stored position is read from headers`() throws {
        let position = try #require(StoredPosition(Self.headers))
        #expect(position.lane == Lane(publisher: PublisherID(high: 1, low: 2), dataType: .trainingLog))
        #expect(position.position == LanePosition(epoch: 7, sequence: 3) && position.part == 1 && position.parts == 1)
        let part = try #require(StoredPosition(Self.headers.merging(["Arobust-Part": "2/5"]) { $1 }))
        #expect(part.part == 2 && part.parts == 5)
    }

    @Test(arguments: [
        ("Arobust-Publisher", ""), ("Arobust-Publisher", "me"), ("Arobust-Epoch", "-1"), ("Arobust-Epoch", "x"),
        ("Arobust-Sequence", "99999999999999999999"), ("Arobust-Part", "0/2"), ("Arobust-Part", "3/2"),
        ("Arobust-Part", "1"), ("Arobust-Part", "1/0"), ("Arobust-Part", "-1/-1"), ("Arobust-Part", "1/2/3"),
    ])
    func `a stranger's message has none`(_ key: String, _ value: String) {
        #expect(StoredPosition(Self.headers.merging([key: value]) { $1 }) == nil)
        #expect(StoredPosition(Self.headers.filter { $0.key != "Arobust-Data-Type" }) == nil)
        #expect(StoredPosition([:]) == nil)
    }

    @Test func `the headers of a stored message are read`() {
        // NATS/1.0, "A: 1", "B:2", "C: x: y"
        let base64 = "TkFUUy8xLjANCkE6IDENCkI6Mg0KQzogeDogeQ0KDQo="
        #expect(MessageText.headers(base64: base64) == ["A": "1", "B": "2", "C": "x: y"])
        #expect(MessageText.headers(base64: "").isEmpty && MessageText.headers(base64: "?").isEmpty)
    }
}
