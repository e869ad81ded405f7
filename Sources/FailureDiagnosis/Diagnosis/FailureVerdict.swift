public import Diagnosis

/// What a failure was, and what to do.
public struct FailureVerdict: Hashable, Sendable {
    public var action: DiagnosisAction
    /// The first root cause; `nil`: nothing names one.
    public var cause: Evidence?
    /// The cause, then other roots and confirmations, then cascades and information; at most 20.
    public var evidence: [Evidence]
    /// A sentence that says why the action was chosen.
    public var reason: String
    /// How many lines follow from a failure elsewhere, by rule.
    public var cascades: [String: Int]
    /// What was not read, and why.
    public var notes: [String]
    /// Tells this failure from others by the same rule: the same however often it is diagnosed. `nil`: there is no cause.
    public var signature: String?
    /// When the diagnosis was made, in seconds since 1970.
    public var timestamp: Int
}

extension FailureVerdict {
    /// For people: the action first, why, and where to look.
    public var lines: [String] {
        var lines = ["Action: \(action.type)", "Why: \(reason)"]
        for (index, evidence) in evidence.enumerated() {
            let isCause = index == 0 && cause != nil
            if isCause { lines.append("Cause:") } else if index == (cause == nil ? 0 : 1) { lines.append("Also seen:") }
            lines += evidence.lines.map { "  " + $0 }
        }
        return lines + notes.map { "Note: " + $0 }
    }
}

extension Evidence {
    /// The line, where it is, and what the rule says.
    var lines: [String] {
        let count = count > 1 ? " (\(count) such lines)" : ""
        let advice = vendorAction.map { ["  the vendor's advice: \($0)"] } ?? []
        return ["\(place): \(text.prefix(300))", "  \(title) [\(rule)]\(count): \(why)"] + advice
    }

    private var place: String {
        let who = rank.map { "rank \($0)" }
        guard let file else { return who ?? "the launcher" }
        let position = line.map { ":\($0)" } ?? offset.map { " at byte \($0)" } ?? ""
        return [file + position, who].compactMap(\.self).joined(separator: ", ")
    }
}

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
