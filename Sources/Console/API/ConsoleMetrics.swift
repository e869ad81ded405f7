internal import ConsoleStore

/// The console's own numbers in Prometheus's text format.
struct ConsoleMetrics {
    var store: StoreCounters
    var answers: [(status: Int, count: Int)]
    var connections: (open: Int, refused: Int)
    var readers: Int

    var text: String {
        var text = ""
        func add(_ name: String, _ kind: String, _ help: String, _ samples: [(labels: String, value: String)]) {
            guard !samples.isEmpty else { return }
            text += "# HELP arobust_console_\(name) \(help)\n# TYPE arobust_console_\(name) \(kind)\n"
            for sample in samples { text += "arobust_console_\(name)\(sample.labels) \(sample.value)\n" }
        }
        func counter(_ name: String, _ help: String, _ value: some BinaryInteger) {
            add(name, "counter", help, [("", "\(value)")])
        }
        func gauge(_ name: String, _ help: String, _ value: some BinaryInteger) {
            add(name, "gauge", help, [("", "\(value)")])
        }
        counter("envelopes_total", "Envelopes that were stored.", store.envelopes)
        counter("duplicates_total", "Envelopes that were there already.", store.duplicates)
        counter("missing_total", "Envelopes that their senders skipped or lost.", store.missing)
        counter("refused_total", "Envelopes that are no metric, or too large.", store.refused)
        counter("bytes_total", "Bytes of stored envelopes.", store.bytes)
        counter("dropped_lines_total", "Lines that were dropped because of age or size.", store.dropped)
        counter("left_out_series_total", "Series that were left out because a node has too many.", store.leftOutSeries)
        counter("transactions_total", "Transactions of the store.", store.transactions)
        counter(
            "failed_transactions_total", "Transactions that failed; their senders keep what was in them.",
            store.failedTransactions)
        gauge("store_bytes", "Bytes of the store on the disk.", store.storeBytes)
        gauge("store_writable", "1 if the store can be written, else 0.", store.problem == nil ? 1 : 0)
        add(
            "http_requests_total", "counter", "Answers, by status.",
            answers.map { ("{status=\"\($0.status)\"}", "\($0.count)") })
        gauge("connections", "Open connections of the page and the API.", connections.open)
        counter("refused_connections_total", "Connections beyond the limits.", connections.refused)
        gauge("subscribers", "Readers of events.", readers)
        return text
    }
}
