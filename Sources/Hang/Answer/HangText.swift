internal import SystemSupport

/// The answer for a terminal: the sentence, then what it rests on.
package struct HangText {
    private static let mostGroups = 50
    private static let mostStacks = 20
    private static let mostFrames = 12
    private static let mostNotes = 30

    package let lines: [String]

    package init(_ answer: HangAnswer) {
        var lines = [answer.sentence]
        lines += Self.findings(answer)
        lines += Self.positions(answer)
        lines += Self.stacks(answer)
        lines += Self.processes(answer)
        let notes = answer.notes.prefix(Self.mostNotes).map { "- \($0)" }
        if !notes.isEmpty { lines += ["", "NOTES"] + notes }
        if answer.notes.count > Self.mostNotes { lines.append("- and \(answer.notes.count - Self.mostNotes) more") }
        self.lines = lines
    }

    private static func findings(_ answer: HangAnswer) -> [String] {
        guard !answer.collectives.isEmpty || !answer.underWay.isEmpty else { return [] }
        var table = TextTable([
            .text("COLLECTIVE"), .text("GROUP"), .text("WHAT"), .text("RANKS"), .text("WAITING"), .text("SINCE"),
            .text("CALLED AT"), .text("FOLLOWS FROM"),
        ])
        for finding in answer.collectives.prefix(mostGroups) {
            table.add([
                name(finding), title(finding.group), finding.kind.rawValue, "\(finding.culprits)",
                "\(finding.waiting)", since(finding), finding.callSite ?? "-",
                finding.blockedBy.isEmpty ? "-" : finding.blockedBy.map(title).joined(separator: ", "),
            ])
        }
        for finding in answer.underWay.prefix(mostGroups) {
            table.add([
                name(finding), title(finding.group), "under way", "-", "\(finding.waiting)", since(finding),
                finding.callSite ?? "-", "-",
            ])
        }
        var lines = [""] + table.lines
        for finding in answer.collectives.prefix(mostGroups) where !finding.variants.isEmpty {
            lines += ["", "\(name(finding)) of \(title(finding.group)) was called as"]
            lines += finding.variants.prefix(8).map {
                "  \($0.operation) \($0.shape)\($0.callSite.map { " at \($0)" } ?? "") by \($0.ranks.title)"
            }
        }
        return lines
    }

    private static func positions(_ answer: HangAnswer) -> [String] {
        let groups = answer.evidence.collectives.groups
        guard !groups.isEmpty else { return [] }
        var table = TextTable([
            .text("GROUP"), .number("ENTERED"), .number("THROUGH"), .text("OPEN OPERATION"), .text("RANKS"),
        ])
        for group in groups.prefix(mostGroups) {
            for position in group.positions.prefix(8) {
                let open = group.operations.first {
                    $0.sequence == position.completed + 1 && !$0.open.intersection(position.ranks).isEmpty
                }
                table.add([
                    title(group.key), "\(position.enqueued)", "\(position.completed)",
                    open.map { "\($0.name) \($0.hash.prefix(8))" } ?? "-", "\(position.ranks)",
                ])
            }
        }
        var lines = [""] + table.lines
        if groups.count > mostGroups { lines.append("and \(groups.count - mostGroups) more groups") }
        return lines
    }

    private static func stacks(_ answer: HangAnswer) -> [String] {
        guard !answer.stacks.isEmpty else { return [] }
        var lines = ["", "STACKS, the smallest group first"]
        for group in answer.stacks.prefix(mostStacks) {
            let remarks = group.remarks.isEmpty ? "" : ": \(group.remarks.joined(separator: ", "))"
            lines.append("\(group.ranks.title) (\(group.hash.prefix(8)))\(remarks)")
            if group.frames.isEmpty { lines.append("    \(group.collapsed)") }
            lines += group.frames.prefix(mostFrames).map { "    \($0.text)" }
            if group.frames.count > mostFrames { lines.append("    and \(group.frames.count - mostFrames) more") }
        }
        if answer.stacks.count > mostStacks { lines.append("and \(answer.stacks.count - mostStacks) more groups") }
        return lines
    }

    private static func processes(_ answer: HangAnswer) -> [String] {
        let troubled = answer.evidence.ranks.filter { $0.value.trouble != nil }.sorted { $0.key < $1.key }
        guard !troubled.isEmpty else { return [] }
        return ["", "PROCESSES"]
            + troubled.prefix(mostGroups).map { rank, facts in
                let process = facts.process
                let node = process.map { $0.node.isEmpty ? "" : " on node \($0.node)" } ?? ""
                return "rank \(rank), process \(process?.pid ?? 0)\(node), \(facts.trouble ?? "")"
            }
    }

    private static func name(_ finding: CollectiveFinding) -> String {
        finding.sequence > 0 ? "\(finding.operation) \(finding.sequence)" : finding.operation
    }

    private static func title(_ key: GroupSummary.Key) -> String {
        key.description.isEmpty ? key.name : "\(key.description) (\(key.name))"
    }

    private static func since(_ finding: CollectiveFinding) -> String {
        finding.since > 0 ? TimeText.write(finding.since / 1_000_000_000) : "-"
    }
}
