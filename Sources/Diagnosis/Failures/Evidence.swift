/// A log line, or an exit code, that a diagnosis rests on.
public struct Evidence: Hashable, Sendable {
    /// The id of the rule that matched: `cuda.out-of-memory`.
    public var rule: String
    /// What happened, in a few words: the rule's title.
    public var title: String
    /// Which part of the system the line speaks of.
    public var domain: RuleDomain
    /// Whether the line is a root cause, or only follows from one.
    public var role: RuleRole
    /// The line, or a sentence if the evidence is an exit code.
    public var text: String
    /// The file with the line; `nil` if it comes from the launcher's report.
    public var file: String?
    /// Where the line starts in the file, in bytes.
    public var offset: Int?
    /// The line's number, from 1; `nil` if counting would take too long.
    public var line: Int?
    /// The rank that wrote the line, if known.
    public var rank: Int?
    /// When it was written, in seconds since 1970.
    public var time: Double?
    /// Whether the time is that of an earlier line, because this one has none.
    public var isTimeEstimated: Bool
    /// How many such lines there are.
    public var count: Int
    /// Why this is the cause, or why it is not.
    public var why: String
    /// How sure it is that this is the cause; `nil` for what is none.
    public var confidence: Confidence?
    /// What the vendor advises, in the vendor's own terms: `RESTART_BM`.
    public var vendorAction: String?
    /// Where the line or the advice is documented.
    public var source: String?

    package init(
        rule: String, title: String, domain: RuleDomain, role: RuleRole, text: String, file: String?, offset: Int?,
        rank: Int?, time: Double?, isTimeEstimated: Bool, count: Int, why: String, vendorAction: String?,
        source: String?
    ) {
        self.rule = rule
        self.title = title
        self.domain = domain
        self.role = role
        self.text = text
        self.file = file
        self.offset = offset
        self.rank = rank
        self.time = time
        self.isTimeEstimated = isTimeEstimated
        self.count = count
        self.why = why
        self.vendorAction = vendorAction
        self.source = source
    }
}

/// How sure a diagnosis is of its cause.
public enum Confidence: String, CaseIterable, Hashable, Sendable {
    /// The hardware or the kernel says so, or the launcher confirms how the rank ended.
    case certain
    /// Nothing speaks against it.
    case likely
    /// Nothing else explains the failure. No job is given up, and no node replaced, for such a cause.
    case possible
}

/// The part of a training system that a rule is about.
public enum RuleDomain: String, CaseIterable, Hashable, Sendable {
    case gpu
    case gpuMemory = "gpu-memory"
    case network
    case host
    case hostMemory = "host-memory"
    case storage
    case userCode = "user-code"
    case numerics
    case configuration
    case infrastructure
}

/// What a line that a rule matches says about the failure.
public enum RuleRole: String, CaseIterable, Hashable, Sendable {
    /// The failure may have begun here.
    case rootCause = "root-cause"
    /// A consequence of a failure elsewhere, usually in another rank. Counted, never blamed.
    case cascade
    /// Confirms a failure and names its kind; decides only if nothing says more.
    case confirmation
    /// Worth showing, but says nothing about the cause.
    case information
    /// The training starts here: earlier lines of the file belong to an earlier attempt.
    case start
}

extension Evidence {
    /// The line and its place, what the rule says, and the vendor's advice.
    var lines: [String] {
        let count = count > 1 ? " (\(count) such lines)" : ""
        let sureness = confidence.map { ", \($0.rawValue)" } ?? ""
        let advice = vendorAction.map { ["  the vendor's advice: \($0)"] } ?? []
        return ["\(place): \(text.prefix(300))", "  \(title) [\(rule)]\(count)\(sureness): \(why)"] + advice
    }

    private var place: String {
        let who = rank.map { "rank \($0)" }
        guard let file else { return who ?? "the launcher" }
        let position = line.map { ":\($0)" } ?? offset.map { " at byte \($0)" } ?? ""
        return [file + position, who].compactMap(\.self).joined(separator: ", ")
    }

    /// With keys only for what is known.
    var json: JSONValue {
        let known: [String: JSONValue?] = [
            "rule": .string(rule), "title": .string(title), "domain": .string(domain.rawValue),
            "role": .string(role.rawValue), "text": .string(text), "file": file.map(JSONValue.string),
            "offset": offset.map { .int(Int64($0)) }, "line": line.map { .int(Int64($0)) },
            "rank": rank.map { .int(Int64($0)) }, "time": time.map(JSONValue.number),
            "time_estimated": isTimeEstimated ? .bool(true) : nil, "count": .int(Int64(count)),
            "why": .string(why), "confidence": confidence.map { .string($0.rawValue) },
            "vendor_action": vendorAction.map(JSONValue.string),
            "source": source.map(JSONValue.string),
        ]
        return .object(known.compactMapValues(\.self))
    }
}
