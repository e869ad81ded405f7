internal import Diagnosis

/// What earlier failures of the same job say about restarting once more.
struct RestartHistory {
    /// How often the same root may come back without progress.
    private static let mostRepeats = 3
    /// The same for one that names a file or a place in the data: it will be there the next time.
    private static let mostRepeatsOfArtifact = 1
    /// How often a node's hardware may be the root before this one.
    private static let mostOfNode = 1

    let failure: TrainingFailure
    /// How far this attempt came; `nil`: unknown.
    let reached: TrainingReach?

    enum Advice: Hashable {
        case giveUp(String)
        case replaceNode(String)
    }

    /// - Returns: `nil` if nothing speaks against another restart.
    func advice(on cause: Sighting, _ rule: Rule) -> Advice? {
        let signature = cause.signature(in: failure)
        let earlier = failure.history.filter { $0.signature != signature && ($0.job ?? "") == failure.job }
        if rule.domain == .gpu || rule.domain == .host {
            let onNode = earlier.filter { $0.node == failure.node.id && ["gpu", "host"].contains($0.domain) }
            guard onNode.count >= Self.mostOfNode else { return nil }
            return .replaceNode("this node was the root of \(Self.times(onNode.count, "earlier failure"))")
        }
        guard Self.canBeInVain(rule.domain) else { return nil }
        let repeats = repeats(of: cause.fingerprint(rule), in: earlier)
        let most = cause.namesArtifact ? Self.mostRepeatsOfArtifact : Self.mostRepeats
        guard repeats >= most, let reached else { return nil }
        return .giveUp(
            "it came back \(Self.times(repeats, "time")) without progress (\(reached.text)), so trying again won't help"
        )
    }

    /// The signatures of earlier failures on this node that had the same cause, whatever the job.
    func earlier(_ cause: Sighting, _ rule: Rule) -> Set<String> {
        let fingerprint = cause.fingerprint(rule)
        let same = failure.history.filter { earlier in
            earlier.rule == rule.id && (earlier.fingerprint.map { $0 == fingerprint } ?? true)
        }
        return Set(same.map(\.signature)).subtracting([cause.signature(in: failure)])
    }

    /// How many of the last failures in a row had the same root, each followed by an attempt that came no farther. Where that is unknown, the
    /// row ends.
    private func repeats(of fingerprint: String, in earlier: [EarlierFailure]) -> Int {
        var (count, later) = (0, reached)
        for failure in earlier.sorted(by: { $0.time > $1.time }) {
            guard failure.fingerprint == fingerprint, let own = failure.reached, let next = later,
                next.isBeyond(own) == false
            else { break }
            count += 1
            later = own
        }
        return count
    }

    /// Whether a failure of this kind may come back on every node.
    private static func canBeInVain(_ domain: RuleDomain) -> Bool {
        switch domain {
        case .userCode, .configuration, .numerics, .gpuMemory, .hostMemory, .storage: true
        case .gpu, .host, .network, .infrastructure: false
        }
    }

    private static func times(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}

extension Sighting {
    /// The same for lines that differ only in numbers, times and addresses.
    func fingerprint(_ rule: Rule) -> String {
        var words: [Substring] = []
        for word in text.prefix(400).split(separator: " ") where !word.contains(where: \.isNumber) {
            words.append(word)
        }
        let artifact = namesArtifact ? text.suffix(200) : ""
        return rule.id + "|" + words.joined(separator: " ").suffix(200) + "|" + artifact
    }

    /// Whether it names a file, or a place in the data, that will be there the next time.
    var namesArtifact: Bool {
        if text.contains("No such file or directory: ") { return true }
        return ["batch ", "shard ", "shard-", "sample ", "record ", "line "].contains { key in
            text.firstRange(of: key).map { text[$0.upperBound...].first?.isNumber == true } ?? false
        }
    }
}
