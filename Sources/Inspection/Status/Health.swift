package import Delivery
internal import Diagnosis
internal import SystemSupport
package import ZMQBridge

/// What keeps arobust from doing its work in a state directory: a sentence each. Where there is none it is healthy.
///
/// A master that is down is no problem of ours: what it has not got waits in the journal, and starting arobust again would not help.
package struct Health: Hashable, Sendable {
    /// Whose health it is.
    package enum Part: String, CaseIterable, Sendable {
        /// Collecting and reporting, in one process or in two.
        case all
        /// The publisher alone.
        case collect
        /// The processes that report from here: those whose consumers have their files in the directory of consumers.
        case bridge
    }

    package private(set) var problems: [String] = []

    /// - Parameters:
    ///   - consumers: the directory of the masters' cursors and ledgers. It need not exist.
    ///   - patience: how long a publisher may take to answer.
    package init(of directory: StateDirectory, consumers: String, part: Part, patience: Duration = .seconds(3)) async {
        let inspection = PublisherInspection(directory)
        let path = HumanText.line(directory.path)
        do {
            let owner = try directory.checkForClients()
            let holders = part == .collect ? [:] : try ConsumerHolder.all(inDirectory: consumers, alsoOf: owner)
            guard let publisher = try inspection.holder() else {
                // Of a bridge whose publishers are elsewhere, nothing else is expected here.
                let isBridgeAlone = try part == .all && BridgeLedgers(of: directory, consumers: consumers) != nil
                if part == .bridge || isBridgeAlone {
                    judge(holders)
                } else {
                    problems.append("no publisher runs on \(path); start arobust agent, or arobust collect")
                }
                return
            }
            guard let status = try await inspection.ask(timeout: patience) else {
                let reason = inspection.obstacle ?? "it hangs, or has been stopped"
                problems.append(
                    "the publisher of \(path), \(HumanText.line(publisher)), does not answer: \(HumanText.line(reason))"
                )
                return
            }
            judge(status, holders, part)
        } catch {
            problems.append(HumanText.line("\(error)"))
        }
    }

    /// What a running publisher says of itself and of its consumers.
    package init(_ status: PublisherStatus, holders: [String: ConsumerHolder] = [:], part: Part) {
        judge(status, holders, part)
    }

    private mutating func judge(_ status: PublisherStatus, _ holders: [String: ConsumerHolder], _ part: Part) {
        if part != .bridge {
            if let problem = status.journal.problem {
                problems.append("the journal can't be written: \(HumanText.line(problem))")
            }
            problems += (status.faults ?? []).map { HumanText.line($0) }
        }
        guard part != .collect else { return }
        if part == .bridge, !holders.values.contains(where: \.isThere) { return judge(holders) }
        for consumer in status.consumers.sorted(by: { $0.account.consumer < $1.account.consumer }) {
            let holder = holders[consumer.account.consumer]
            if part == .bridge, holder == nil { continue }
            if let problem = Self.problem(of: consumer, holder, now: status.time) { problems.append(problem) }
        }
        for refusal in status.refused ?? [] {
            let isHere = holders[refusal.consumer]?.isThere == true
            if isHere || refusal.isMaster && part == .all { problems.append(refusal.sentence) }
        }
    }

    private static func problem(
        of consumer: PublisherStatus.Consumer, _ holder: ConsumerHolder?, now: Int64
    ) -> String? {
        let name = HumanText.line(consumer.account.consumer)
        let state = consumer.account.state
        if let holder, !holder.isThere {
            return "no process reports to \(name): start its arobust bridge, or make the publisher forget it"
        }
        let (silence, _) = now.subtractingReportingOverflow(consumer.heard)
        // arobust gives a sign of life every few seconds, and so says when it began; other programs may speak only when they have news.
        let isOurs = holder != nil || state[ConsumerStateKey.startedAt.rawValue] != nil
        let isBehind = consumer.lanes.contains { $0.pending > 0 }
        if silence > StatusText.longestSilence, isOurs || isBehind {
            let process = holder?.process.map { ", \(HumanText.line($0))," } ?? ""
            return "\(name) was last heard \(HumanText.span(from: consumer.heard, to: now)) ago: what reports to it"
                + "\(process) hangs or has ended"
        }
        if let reason = state[ConsumerStateKey.stopped.rawValue] {
            return "nothing more is sent to \(name): \(HumanText.line(reason))"
        }
        if state[ConsumerStateKey.storage.rawValue] == "failing" {
            // Older ones don't say why; then it is mostly a full disk.
            guard let reason = state[ConsumerStateKey.storageProblem.rawValue] else {
                return "the ledger of \(name) can't be written; free space on the disk of its directory"
            }
            return "the ledger of \(name) can't be written: \(HumanText.line(reason))"
        }
        return nil
    }

    /// What can be said of bridges while no publisher runs for which they could have news.
    private mutating func judge(_ holders: [String: ConsumerHolder]) {
        let running = holders.values.filter(\.isThere)
        if running.isEmpty { problems.append("no process reports from here; start arobust bridge, or arobust agent") }
        for holder in running.sorted(by: { $0.consumer < $1.consumer }) where holder.isStopped {
            problems.append(
                "what reports to \(HumanText.line(holder.consumer)), \(HumanText.line(holder.process ?? "")), has been stopped"
            )
        }
    }
}
