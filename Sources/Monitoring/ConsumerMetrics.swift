internal import Diagnosis
internal import Inspection
internal import SystemSupport
internal import Telemetry
internal import ZMQBridge

/// The consumers' part of `/metrics`: for each what status and audit say of it.
struct ConsumerMetrics {
    /// Consumers beyond these are left out: anybody who may use the bus can be one.
    static let mostConsumers = 128
    private static let breakerStates = ["closed", "half-open", "open"]

    private struct One {
        var consumer: PublisherStatus.Consumer
        var labels: [(String, String)]
        var now: Int64
    }

    private var consumers: [One] = []
    private var rows: [(row: ConsumerLaneAccount, labels: [(String, String)], now: Int64)] = []

    /// - Parameters:
    ///   - masters: whose series there are; `nil`: all consumers'.
    ///   - namesPublisher: whether each series says of which publisher it is.
    init(statuses: [PublisherStatus], masters: Set<String>?, namesPublisher: Bool) {
        for status in statuses {
            let publisher = namesPublisher ? [("publisher", status.publisher)] : []
            // Masters keep their places before others.
            let wanted = status.consumers.filter { masters?.contains($0.account.consumer) ?? true }
                .sorted {
                    ($0.isOfArobust ? 0 : 1, $0.account.consumer) < ($1.isOfArobust ? 0 : 1, $1.account.consumer)
                }
                .prefix(Self.mostConsumers)
            for consumer in wanted {
                let labels = publisher + [("consumer", consumer.account.consumer)]
                consumers.append(One(consumer: consumer, labels: labels, now: status.time))
                for row in consumer.laneAccounts {
                    rows.append((row, labels + [("lane", row.dataType.rawValue)], status.time))
                }
            }
        }
    }

    func add(to page: inout MetricPage) {
        addStates(to: &page)
        page.add("arobust_consumer_delivered_total", .counter, lanes { $0.fromConsumer?.delivered.map { Double($0) } })
        page.add("arobust_consumer_skipped_total", .counter, counts { $0.skipped })
        page.add("arobust_consumer_lost_total", .counter, counts { $0.lost })
        page.add("arobust_consumer_unnoticed_envelopes", .gauge, counts { $0.unnoticed })
        page.add("arobust_consumer_pending_envelopes", .gauge, lanes { Double($0.pending) })
        page.add("arobust_consumer_pending_bytes", .gauge, lanes { Double($0.fromPublisher?.pendingBytes ?? 0) })
        page.add("arobust_consumer_difference_envelopes", .gauge, lanes { Double($0.difference) })
        page.add(
            "arobust_consumer_lag_seconds", .gauge,
            rows.map { row, labels, now in
                let since = row.fromPublisher?.pendingSince ?? now
                return .init(max(0, now.subtractingReportingOverflow(since).partialValue), labels)
            })
    }

    private func addStates(to page: inout MetricPage) {
        page.add(
            "arobust_consumer_heard_at_seconds", .gauge, consumers.map { .init($0.consumer.heard, $0.labels) })
        page.add(
            "arobust_consumer_breaker_state", .gauge,
            consumers.flatMap { one -> [MetricPage.Series] in
                guard let state = one.consumer.account.state["breaker"] else { return [] }
                return Self.breakerStates.map { .init($0 == state ? 1 : 0, one.labels + [("state", $0)]) }
            })
        func paces(_ value: (PublisherStatus.Pace) -> Double?) -> [MetricPage.Series] {
            consumers.compactMap { one in one.consumer.pace.flatMap(value).map { .init($0, one.labels) } }
        }
        page.add("arobust_consumer_finished_per_second", .gauge, paces(\.finishedPerSecond))
        page.add("arobust_consumer_published_per_second", .gauge, paces(\.publishedPerSecond))
        page.add("arobust_consumer_remaining_seconds", .gauge, paces(\.secondsLeft))
    }

    private func lanes(_ value: (ConsumerLaneAccount) -> Double?) -> [MetricPage.Series] {
        rows.compactMap { row, labels, _ in value(row).map { .init($0, labels) } }
    }

    /// Of counts by reason.
    private func counts(_ value: (ConsumerLaneAccount) -> [String: UInt64]) -> [MetricPage.Series] {
        rows.flatMap { row, labels, _ in
            value(row).sorted { $0.key < $1.key }.map { .init($0.value, labels + [("reason", $0.key)]) }
        }
    }
}

extension PublisherStatus.Consumer {
    /// Whether it is one of our reporters, which say when they began.
    fileprivate var isOfArobust: Bool { account.state["started_at"] != nil }
}
