internal import Diagnosis

/// What a launcher says of one failed rank.
struct RankFailure: Hashable, Sendable {
    var rank: Int?
    var exitCode: Int?
    var message: String
    /// Seconds since 1970.
    var time: Double?

    /// Reads what `TrainingFailure.failures` holds, in the order of the ranks.
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
            // The launcher notices late, and writes whole seconds: anything else of that second came before.
            time: value["datetime"]?.string.flatMap { time.read($0) }.map { $0 + 0.999 })
    }

    /// All texts of a value, a line each; an object's by its keys.
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
