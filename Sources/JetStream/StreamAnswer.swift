internal import Diagnosis

/// What a stream says of a message that was sent to it.
enum PublishAnswer {
    case stored(sequence: UInt64, isDuplicate: Bool)
    case refused(StreamProblem)
    /// It may be stored or not.
    case unknown(String)

    init(_ answer: NATSConnection.Answer) {
        switch answer {
        case .noResponders: self = .refused(.noResponders)
        case .lost(let reason): self = .unknown(reason)
        case .message(let json):
            if let sequence = Self.quickSequence(json) {
                self = .stored(sequence: sequence, isDuplicate: Self.contains(json, "\"duplicate\""))
                return
            }
            guard let value = JSONValue(json) else {
                self = .unknown("the answer is not JSON")
                return
            }
            if let problem = StreamProblem(value) {
                self = .refused(problem)
            } else if case .int(let sequence)? = value["seq"], sequence > 0 {
                self = .stored(sequence: UInt64(sequence), isDuplicate: value["duplicate"] == .bool(true))
            } else {
                self = .unknown("the answer has no sequence")
            }
        }
    }

    /// The number behind `"seq":` in what is no error; almost all answers are so.
    private static func quickSequence(_ json: [UInt8]) -> UInt64? {
        guard !contains(json, "\"error\""), let start = end(of: "\"seq\":", in: json) else { return nil }
        var number: UInt64 = 0
        for digit in json[start...] {
            guard (0x30...0x39).contains(digit) else {
                return number > 0 && (digit == 0x2C || digit == 0x7D) ? number : nil
            }
            let (tens, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            guard !isTooLarge, tens <= .max - 9 else { return nil }
            number = tens + UInt64(digit - 0x30)
        }
        return nil
    }

    private static func contains(_ json: [UInt8], _ word: StaticString) -> Bool { end(of: word, in: json) != nil }

    private static func end(of word: StaticString, in json: [UInt8]) -> Int? {
        word.withUTF8Buffer { word in
            guard json.count >= word.count else { return nil }
            return (0...json.count - word.count).first { json[$0..<$0 + word.count].elementsEqual(word) }.map {
                $0 + word.count
            }
        }
    }
}

/// Why a server did not do what was asked.
struct StreamProblem: Hashable {
    /// JetStream's number of it; 0: the server has none.
    var code: Int
    var text: String

    /// JetStream's numbers, from `server/errors.json` of nats-server.
    static let streamNotFound = 10059
    static let messageNotFound = 10037
    static let wrongLastSequence = 10071
    static let wrongLastSequenceOfSubject = 10164
    static let messageTooLarge = 10054
    static let differentStream = 10060
    static let consumerNotFound = 10014

    static let noResponders = StreamProblem(
        code: 0, text: "nobody takes messages of this subject: there is no such stream, or its leader is away")

    init(code: Int, text: String) {
        self.code = code
        self.text = text
    }

    /// - Returns: `nil` for an answer that is no error.
    init?(_ answer: JSONValue) {
        guard let error = answer["error"] else { return nil }
        code = error["err_code"]?.integer ?? 0
        text = error["description"]?.string ?? "an error without a description"
    }

    /// Whether it is about the order of messages, and not about this one.
    var isWrongLastSequence: Bool {
        code == Self.wrongLastSequence || code == Self.wrongLastSequenceOfSubject
    }
}
