extension FailureVerdict {
    /// DLRover's action at top level, plus `evidence`, `cascades` and `notes`.
    public var json: JSONValue {
        var members = action.jsonMembers(timestamp: timestamp)
        members.append(.init("explanation", .string(reason)))
        members.append(.init("evidence", .array(evidence.map(\.json))))
        members.append(
            .init(
                "cascades",
                .object(cascades.sorted { $0.key < $1.key }.map { .init($0.key, .number(Double($0.value))) })))
        members.append(.init("notes", .array(notes.map(JSONValue.string))))
        return .object(members)
    }
}

extension Evidence {
    /// With keys only for what is known.
    public var json: JSONValue {
        let known: [(String, JSONValue?)] = [
            ("rule", .string(rule)), ("title", .string(title)), ("domain", .string(domain.rawValue)),
            ("role", .string(role.rawValue)), ("text", .string(text)), ("file", file.map(JSONValue.string)),
            ("offset", offset.map { .number(Double($0)) }), ("line", line.map { .number(Double($0)) }),
            ("rank", rank.map { .number(Double($0)) }), ("time", time.map(JSONValue.number)),
            ("time_estimated", isTimeEstimated ? .bool(true) : nil), ("count", .number(Double(count))),
            ("why", .string(why)), ("vendor_action", vendorAction.map(JSONValue.string)),
            ("source", source.map(JSONValue.string)),
        ]
        return .object(known.compactMap { key, value in value.map { JSONValue.Member(key, $0) } })
    }
}
