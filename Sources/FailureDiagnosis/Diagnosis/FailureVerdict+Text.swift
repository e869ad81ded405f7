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
