package import Diagnosis

extension HangAnswer {
    /// What `arobust hang --json` prints: docs/hang.md names the keys.
    package var json: JSONValue {
        .object([
            "hang": .bool(isHang),
            "sentence": .string(sentence),
            "culprits": Self.list(culprits),
            "collectives": .array(collectives.map(Self.json)),
            "under_way": .array(underWay.map(Self.json)),
            "stacks": .array(stacks.map(Self.json)),
            "ranks": .array(evidence.ranks.sorted { $0.key < $1.key }.map(Self.json)),
            "notes": .array(notes.map { .string($0) }),
        ])
    }

    private static func list(_ ranks: RankSet) -> JSONValue { .array(ranks.map { .int(Int64($0)) }) }

    private static func json(_ finding: CollectiveFinding) -> JSONValue {
        var members: [String: JSONValue] = [
            "process_group": .string(finding.group.name),
            "description": .string(finding.group.description),
            "sequence": .int(Int64(finding.sequence)),
            "operation": .string(finding.operation),
            "kind": .string(finding.kind.rawValue),
            "culprits": list(finding.culprits),
            "waiting": list(finding.waiting),
        ]
        if !finding.blocked.isEmpty {
            members["blocked"] = list(finding.blocked)
            members["blocked_by"] = .array(finding.blockedBy.map { .string($0.name) })
        }
        if !finding.unrecorded.isEmpty { members["without_recording"] = list(finding.unrecorded) }
        if finding.isUnstarted { members["called"] = .bool(true) }
        if finding.since > 0 { members["since_ns"] = .int(finding.since) }
        if let site = finding.callSite { members["call_site"] = .string(site) }
        if !finding.variants.isEmpty {
            members["variants"] = .array(
                finding.variants.map { variant in
                    .object([
                        "operation": .string(variant.operation), "shape": .string(variant.shape),
                        "call_site": variant.callSite.map { .string($0) } ?? .null, "ranks": list(variant.ranks),
                    ])
                })
        }
        return .object(members)
    }

    private static func json(_ group: StackGroup) -> JSONValue {
        .object([
            "ranks": list(group.ranks),
            "ranges": .string("\(group.ranks)"),
            "stack": .string(group.collapsed),
            "hash": .string(group.hash),
            "thread": group.thread.map { .string($0) } ?? .null,
            "in_collective": .bool(group.isInCollective),
            "stuck": group.isStuck.map { .bool($0) } ?? .null,
            "gil": .bool(group.ownsGIL),
            "uninterruptible": .bool(group.isUninterruptible),
            "stopped": .bool(group.isStopped),
        ])
    }

    private static func json(_ entry: (key: Int, value: RankFacts)) -> JSONValue {
        var members: [String: JSONValue] = ["rank": .int(Int64(entry.key))]
        if let process = entry.value.process {
            members["node"] = .string(process.node)
            members["pid"] = .int(Int64(process.pid))
            members["state"] = .string(process.state)
        }
        if let log = entry.value.log {
            members["log"] = .string(log.path)
            members["last_line_age_s"] = .int(log.age)
        }
        return .object(members)
    }
}
