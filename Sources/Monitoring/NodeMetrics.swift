private import CBuildInfo
internal import Diagnosis
internal import Inspection
internal import Telemetry
internal import ZMQBridge

/// The page `/metrics`: what the process counts itself, and the numbers of `arobust status` and `arobust audit`.
struct NodeMetrics {
    let process: MonitoredProcess
    /// `nil`: it could not be found out.
    let state: NodeState?
    let isReady: Bool
    let answers: [(status: Int, count: Int)]
    let connections: (open: Int, refused: Int, replaced: Int)

    var text: String {
        var page = MetricPage(labels: process.registry.commonLabels)
        page.add(
            "arobust_build_info", .gauge,
            [.init(1, [("version", ProductVersion.text), ("commit", String(cString: arobust_commit()))])])
        page.add("arobust_ready", .gauge, [.init(isReady ? 1 : 0)])
        page.add("arobust_status_up", .gauge, [.init(state == nil ? 0 : 1)])
        ProcessNumbers.add(to: &page)
        addServer(to: &page)
        let reports = state?.reports ?? []
        if process.isPublisher, let status = reports.first?.status { Self.add(status, to: &page) }
        ConsumerMetrics(
            statuses: reports.map(\.status), masters: process.masters(), namesPublisher: !process.isPublisher
        ).add(to: &page)
        page.add("arobust_page_left_out_series", .gauge, [.init(page.leftOut)])
        return page.text + process.registry.text()
    }

    private func addServer(to page: inout MetricPage) {
        page.add("arobust_http_requests_total", .counter, answers.map { .init($0.count, [("status", "\($0.status)")]) })
        page.add("arobust_http_connections", .gauge, [.init(connections.open)])
        page.add("arobust_http_refused_connections_total", .counter, [.init(connections.refused)])
        page.add("arobust_http_replaced_connections_total", .counter, [.init(connections.replaced)])
    }

    /// The journal and the lanes of this process's publisher.
    private static func add(_ status: PublisherStatus, to page: inout MetricPage) {
        let (journal, lanes, now) = (status.journal, status.lanes, status.time)
        func age(_ time: Int64) -> Double { Double(max(0, now.subtractingReportingOverflow(time).partialValue)) }
        func series(_ value: (PublisherStatus.Lane) -> Double?) -> [MetricPage.Series] {
            lanes.compactMap { lane in value(lane).map { .init($0, [("lane", lane.dataType.rawValue)]) } }
        }
        page.add("arobust_journal_bytes", .gauge, [.init(journal.bytes)])
        page.add("arobust_journal_limit_bytes", .gauge, [.init(journal.totalBytes)])
        page.add(
            "arobust_journal_oldest_age_seconds", .gauge,
            [.init(lanes.compactMap(\.oldestTime).min().map(age) ?? 0)])
        page.add("arobust_journal_writable", .gauge, [.init(journal.problem == nil ? 1 : 0)])
        if let network = status.network {
            page.add("arobust_network_authorized_keys", .gauge, [.init(network.keys)])
            page.add("arobust_network_connections", .gauge, [.init(network.connections)])
            page.add("arobust_network_refused_clients_total", .counter, [.init(Int(clamping: network.refused))])
            page.add("arobust_network_unproved_connections_total", .counter, [.init(Int(clamping: network.unproved))])
            page.add("arobust_network_closed_connections_total", .counter, [.init(Int(clamping: network.closed))])
        }
        page.add("arobust_publisher_faults", .gauge, [.init(status.faults?.count ?? 0)])
        page.add("arobust_lane_envelopes_total", .counter, series { Double($0.produced) })
        page.add("arobust_lane_published_bytes_total", .counter, series { $0.publishedBytes.map { Double($0) } })
        page.add("arobust_lane_retained_envelopes", .gauge, series { Double($0.retained) })
        page.add("arobust_lane_retained_bytes", .gauge, series { Double($0.bytes) })
        page.add("arobust_lane_newest_age_seconds", .gauge, series { $0.newestTime.map(age) })
    }
}
