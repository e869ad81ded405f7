internal import ConsoleListener
internal import ConsoleStore
internal import Diagnosis
private import FoundationEssentials
internal import MasterClients
internal import ZMQBridge

/// Brings what is reported to the store.
struct StoreIntake: ConsoleIntake {
    let store: ConsoleStore

    func take(
        _ batches: [EnvelopeBatch], from source: ReportSource
    ) async throws(ReportError) -> ReportReceipt {
        let outcome = await store.take(batches, from: source)
        if let failure = outcome.failure { throw ReportError(code: .storage, message: failure.reason) }
        var starts: [Int] = []
        var count = 0
        for batch in batches {
            starts.append(count)
            count += batch.count
        }
        return ReportReceipt(
            finished: count,
            skipped: outcome.refused.map {
                ReportOutcome.Skip(index: starts[$0.batch] + $0.index, rule: "refused", reason: $0.reason)
            }.sorted { $0.index < $1.index })
    }

    func heard(_ beat: NodeBeat, from source: ReportSource) async {
        let node = NodeIdentity(id: beat.nodeID, type: beat.nodeType, rank: beat.nodeRank)
        let statuses = beat.publishers.compactMap {
            try? JSONDecoder().decode(PublisherStatus.self, from: Data($0.utf8))
        }
        guard !statuses.isEmpty else {
            return await store.heard(
                from: NodeReport(
                    identity: node, source: source, host: beat.host, version: beat.version))
        }
        for status in statuses {
            await store.heard(
                from: NodeReport(
                    identity: node, source: source, publisher: PublisherID(status.publisher), host: beat.host,
                    version: beat.version, accounts: status.consumers.map(Self.account)))
        }
    }

    /// A consumer's account, with what waits for it: only the publisher can count that.
    private static func account(_ consumer: PublisherStatus.Consumer) -> ConsumerAccount {
        var account = consumer.account
        let lanes = consumer.lanes
        account.state["pending"] = "\(lanes.reduce(0) { $0 + $1.pending })"
        if let since = lanes.compactMap(\.pendingSince).min() { account.state["pending-since"] = "\(since)" }
        return account
    }
}
