/// Why a training failed, and what should be done about it.
public struct FailureVerdict: Hashable, Sendable {
    /// What to do, in DLRover's words.
    public var action: DiagnosisAction
    /// The first root cause; `nil` if nothing points to one.
    public var cause: Evidence?
    /// The cause, then other root causes and confirmations, then cascades and information; at most 20.
    public var evidence: [Evidence]
    /// A sentence that explains why the action was chosen.
    public var reason: String
    /// How many lines are consequences of a failure elsewhere, by rule id.
    public var cascades: [String: Int]
    /// What was not read, and why.
    public var notes: [String]
    /// Distinguishes this failure from others with the same cause; it stays the same however often the failure is diagnosed.
    /// `nil` if there is no cause.
    public var signature: String?
    /// When the diagnosis was made, in seconds since 1970.
    public var timestamp: Int

    package init(
        action: DiagnosisAction, cause: Evidence?, evidence: [Evidence], reason: String, cascades: [String: Int],
        notes: [String], signature: String?, timestamp: Int
    ) {
        self.action = action
        self.cause = cause
        self.evidence = evidence
        self.reason = reason
        self.cascades = cascades
        self.notes = notes
        self.signature = signature
        self.timestamp = timestamp
    }
}

extension FailureVerdict {
    /// The verdict for people, line by line: the action first, then why, then where to look.
    public var lines: [String] {
        var lines = ["Action: \(action.type)", "Why: \(reason)"]
        for (index, evidence) in evidence.enumerated() {
            let isCause = index == 0 && cause != nil
            if isCause { lines.append("Cause:") } else if index == (cause == nil ? 0 : 1) { lines.append("Also seen:") }
            lines += evidence.lines.map { "  " + $0 }
        }
        return lines + notes.map { "Note: " + $0 }
    }

    /// DLRover's action with its keys at top level, plus `explanation`, `cause` (null if there is none), `evidence`, `cascades` and `notes`.
    public var json: JSONValue {
        var members = action.jsonMembers(timestamp: timestamp)
        members["explanation"] = .string(reason)
        members["cause"] = cause?.json ?? .null
        members["evidence"] = .array(evidence.map(\.json))
        members["cascades"] = .object(cascades.mapValues { .int(Int64($0)) })
        members["notes"] = .array(notes.map(JSONValue.string))
        return .object(members)
    }
}
