internal import Diagnosis
private import FoundationEssentials

/// Where in a subject's history a lane is, from the headers of its last message.
struct StoredPosition: Hashable {
    var lane: Lane
    var position: LanePosition
    /// How many of how many parts are there.
    var part: Int
    var parts: Int

    /// - Returns: `nil` for a message that is not arobust's.
    init?(_ headers: [String: String]) {
        guard let publisher = headers["Arobust-Publisher"].flatMap({ PublisherID($0) }),
            let epoch = headers["Arobust-Epoch"].flatMap({ UInt64($0) }),
            let sequence = headers["Arobust-Sequence"].flatMap({ UInt64($0) }), let type = headers["Arobust-Data-Type"]
        else { return nil }
        lane = Lane(publisher: publisher, dataType: DiagnosisDataType(rawValue: type))
        position = LanePosition(epoch: epoch, sequence: sequence)
        let numbers = headers["Arobust-Part"]?.split(separator: "/").compactMap { Int($0) } ?? [1, 1]
        guard numbers.count == 2, numbers[0] >= 1, numbers[0] <= numbers[1] else { return nil }
        (part, parts) = (numbers[0], numbers[1])
    }
}

/// What is known of the subjects that this process writes to.
struct SubjectTails {
    enum Tail: Hashable {
        /// The stream's number of the subject's last message: a message is taken only if it still is the last.
        case known(UInt64)
        /// Others write to the subject too. What was sent twice is then known by its id, as long as the server keeps it.
        case shared
    }

    private var tails: [String: Tail] = [:]

    subscript(subject: String) -> Tail? {
        get { tails[subject] }
        set { tails[subject] = newValue }
    }
}

/// The headers of a stored message, as a server gives them.
enum MessageText {
    /// - Parameter base64: `NATS/1.0` and a line for each header.
    static func headers(base64: String) -> [String: String] {
        guard let data = Data(base64Encoded: base64) else { return [:] }
        var headers: [String: String] = [:]
        for line in String(decoding: data, as: UTF8.self).split(separator: "\r\n").dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...]
            headers[String(line[..<colon])] = String(value.drop { $0 == " " })
        }
        return headers
    }
}
