/// What a launcher says of one failed rank.
struct RankFailure: Hashable, Sendable {
    var rank: Int?
    var exitCode: Int?
    var message: String
    /// Seconds since 1970.
    var time: Double?

    /// Reads what `TrainingFailure.failures` holds.
    static func read(_ json: JSONValue, time: LogTime) -> [RankFailure] {
        guard case .object(let members) = json else { return [RankFailure(message: texts(of: json))] }
        let byRank = members.compactMap { failure(of: $0, time) }
        if byRank.count == members.count { return byRank }
        return [RankFailure(message: texts(of: json))]
    }

    private static func failure(of member: JSONValue.Member, _ time: LogTime) -> RankFailure? {
        guard let rank = Int(member.key), case .object = member.value else { return nil }
        return RankFailure(
            rank: rank, exitCode: member.value["exitcode"]?.integer,
            message: member.value["message"].map(texts) ?? "",
            // The launcher notices late, and writes whole seconds: anything else of that second came before.
            time: member.value["datetime"]?.text.flatMap { time.read($0) }.map { $0 + 0.999 })
    }

    /// All texts of a value, a line each.
    private static func texts(of json: JSONValue) -> String {
        switch json {
        case .string(let text): text
        case .array(let values): values.map(texts).joined(separator: "\n")
        case .object(let members): members.map { texts(of: $0.value) }.joined(separator: "\n")
        case .null, .bool, .number: ""
        }
    }
}
