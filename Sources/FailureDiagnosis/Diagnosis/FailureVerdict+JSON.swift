public import Diagnosis

extension FailureVerdict {
    /// DLRover's action at top level, plus `explanation`, `evidence`, `cascades` and `notes`.
    public var json: JSONValue {
        var members = action.jsonMembers(timestamp: timestamp)
        members["explanation"] = .string(reason)
        members["evidence"] = .array(evidence.map(\.json))
        members["cascades"] = .object(cascades.mapValues { .int(Int64($0)) })
        members["notes"] = .array(notes.map(JSONValue.string))
        return .object(members)
    }
}

extension Evidence {
    /// With keys only for what is known.
    public var json: JSONValue {
        let known: [String: JSONValue?] = [
            "rule": .string(rule), "title": .string(title), "domain": .string(domain.rawValue),
            "role": .string(role.rawValue), "text": .string(text), "file": file.map(JSONValue.string),
            "offset": offset.map { .int(Int64($0)) }, "line": line.map { .int(Int64($0)) },
            "rank": rank.map { .int(Int64($0)) }, "time": time.map(JSONValue.number),
            "time_estimated": isTimeEstimated ? .bool(true) : nil, "count": .int(Int64(count)),
            "why": .string(why), "vendor_action": vendorAction.map(JSONValue.string),
            "source": source.map(JSONValue.string),
        ]
        return .object(known.compactMapValues(\.self))
    }
}
