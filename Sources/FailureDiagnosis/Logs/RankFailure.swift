internal import Diagnosis

/// What a launcher reports about one failed rank.
struct RankFailure: Hashable, Sendable {
    var rank: Int?
    var exitCode: Int?
    var message: String
    /// Seconds since 1970.
    var time: Double?

    /// Reads what `TrainingFailure.failures` holds, ordered by rank.
    static func read(_ json: JSONValue, time: LogTime) -> [RankFailure] {
        guard case .object(let members) = json else { return [RankFailure(message: texts(of: json))] }
        let byRank = members.compactMap { failure(of: $0, $1, time) }
        guard byRank.count == members.count else { return [RankFailure(message: texts(of: json))] }
        return byRank.sorted { ($0.rank ?? 0) < ($1.rank ?? 0) }
    }

    private static func failure(of rank: String, _ value: JSONValue, _ time: LogTime) -> RankFailure? {
        guard let rank = Int(rank), case .object = value else { return nil }
        return RankFailure(
            rank: rank, exitCode: value["exitcode"]?.integer, message: value["message"].map(texts) ?? "",
            // The launcher notices a failure late and writes whole seconds: anything else in that second came before.
            time: value["datetime"]?.string.flatMap { time.read($0) }.map { $0 + 0.999 })
    }

    /// All texts in a value, one a line; those of an object in the order of its keys.
    private static func texts(of json: JSONValue) -> String {
        switch json {
        case .string(let text): text
        case .array(let values): values.map(texts).joined(separator: "\n")
        case .object(let members):
            members.sorted { $0.key < $1.key }.map { texts(of: $0.value) }.joined(separator: "\n")
        case .null, .bool, .int, .number: ""
        }
    }
}

/// The file that torch's `record` decorator writes when a rank fails:
/// `{"message": {"message": "ValueError: …", "extraInfo": {"py_callstack": …, "timestamp": "1795480093"}}}`.
struct ElasticErrorFile {
    let message: String
    /// Seconds since 1970.
    let time: Double?

    init?(_ bytes: [UInt8], time: LogTime) {
        guard let json = JSONValue(bytes), let message = json["message"] else { return nil }
        if let text = message.string {
            self.message = text
            self.time = nil
            return
        }
        guard let text = message["message"]?.string else { return nil }
        self.message = text
        let info = message["extraInfo"] ?? message["extra_info"]
        self.time = info?["timestamp"]?.integer.map(Double.init).flatMap(time.credible)
    }
}
