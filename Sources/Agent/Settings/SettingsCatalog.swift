/// Every setting there is.
enum SettingsCatalog {
    static let all: [SettingDefinition] = general + collecting + diagnosing + delivering

    static let general = [
        SettingDefinition("state-dir", .list(.text), "holds a publisher's sockets; bridge and tap take several"),
        SettingDefinition(
            "log-level", .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]),
            standard: "info",
            "how much is logged to standard error"),
        SettingDefinition(
            "shutdown-deadline", .duration(min: .milliseconds(100)), standard: "5s",
            "how long after SIGTERM what is held may still be sent"),
        SettingDefinition("node.id", .number(.min ... .max), standard: "0", "the node's id; also NODE_ID"),
        SettingDefinition("node.type", .topicWord, standard: "worker", "the node's type; also NODE_TYPE"),
        SettingDefinition(
            "node.rank", .number(.min ... .max), standard: "0", "the node's rank; also NODE_RANK or WORKER_RANK"),
        SettingDefinition("connect", .list(.text), "further publishers' endpoints, for bridge and tap"),
        SettingDefinition(
            "publisher.high-water-mark", .number(1...1_000_000), standard: "256",
            "how many envelopes may be queued for each consumer that does not read; it asks for the rest later"),
        SettingDefinition(
            "publisher.replay-rate", .size(min: 64 << 10, max: 1 << 40), standard: "128MiB",
            "how much all replays together may read in a second"),
        SettingDefinition(
            "journal.size", .size(min: 1 << 20, max: 1 << 50), standard: "2GiB",
            "how much the journal may hold; beyond, the oldest is evicted"),
        SettingDefinition(
            "journal.max-age", .duration(min: .seconds(1), max: .seconds(365 * 86400)),
            "how long the journal keeps what was published; not set: as long as there is room"),
        SettingDefinition(
            "journal.lane-reserve", .size(min: 0, max: 1 << 50),
            "what other data types can't take from one; not set, and at most: an equal share of the size"),
        SettingDefinition(
            "journal.segment-size", .size(min: 4096, max: 1 << 40), standard: "16MiB",
            "the journal's unit of eviction; at most a sixteenth of its size"),
        SettingDefinition(
            "journal.durability", .choice(["process-crash", "power-loss"]), standard: "process-crash",
            "what the journal survives: power-loss syncs the disk before each publication"),
        SettingDefinition(
            "consumers-dir", .text, "where the cursors and ledgers of the masters are; not set: in the state directory"),
    ]

    static let collecting = [
        SettingDefinition(
            "listen", .text,
            "where DLRover's own clients may report to the bus: dlrover+grpc://127.0.0.1:50051; their other calls go to the first DLRover master"
        ),
        SettingDefinition("logs.files", .list(.text), "training logs to follow"),
        SettingDefinition(
            "logs.from", .choice(["start", "end"]), standard: "start",
            "where to begin in a log without a stored position"),
        SettingDefinition(
            "logs.chunk-size", .size(min: 1024), standard: "64KiB", "the most content that one log metric carries"),
        SettingDefinition(
            "logs.max-line-size", .size(min: 1024), standard: "1MiB", "a longer line is sent in pieces"),
        SettingDefinition(
            "logs.interval", .duration(min: .milliseconds(10)), standard: "250ms", "how often a log is looked at"),
        SettingDefinition(
            "metrics.xpu-timer-port", .number(1...65535), "XPUTimer's port on this node; also XPU_TIMER_PORT"),
        SettingDefinition("metrics.url", .text, "a metrics page to scrape instead"),
        SettingDefinition(
            "metrics.interval", .duration(min: .milliseconds(10)), standard: "60s", "how often the page is scraped"),
        SettingDefinition(
            "metrics.deadline", .duration(min: .milliseconds(10)), standard: "5s", "how long a scrape may take in all"),
        SettingDefinition("metrics.max-size", .size(min: 1024), standard: "4MiB", "a larger page is not taken"),
        SettingDefinition(
            "metrics.alarm", .toggle, standard: "false",
            "publish a GENERIC metric when the page gives nothing of use, and when it does again"),
        SettingDefinition("stacks.pids", .list(.number(1...Int(Int32.max))), "processes whose stacks to dump"),
        SettingDefinition(
            "stacks.ranks", .toggle, standard: "false", "dump the stacks of all training ranks of this node"),
        SettingDefinition(
            "stacks.interval", .duration(min: .milliseconds(10)), standard: "60s", "how often stacks are dumped"),
        SettingDefinition(
            "stacks.deadline", .duration(min: .milliseconds(10)), standard: "10s",
            "how long py-spy may take for a process"),
        SettingDefinition("stacks.py-spy", .text, "the py-spy to use; else the one in PATH"),
    ]

    static let diagnosing = [
        SettingDefinition(
            "diagnosis.rules", .list(.text),
            "files of rules that add to the built-in ones and change them; read in order"),
        SettingDefinition(
            "diagnosis.stream", .toggle, standard: "true",
            "look for the rules' lines in the logs as they are read: counts, status, a warning"),
        SettingDefinition(
            "diagnosis.max-restarts", .number(0...1_000_000), standard: "3",
            "after so many restarts a failed training is relaunched on another node"),
        SettingDefinition(
            "diagnosis.memory", .duration(min: .zero, max: .seconds(365 * 86400)), standard: "24h",
            "how long a cause counts as one that comes back on this node"),
        SettingDefinition(
            "diagnosis.budget", .duration(min: .milliseconds(100), max: .seconds(600)), standard: "2s",
            "how long a diagnosis may take; a log is read from its end, as far as that allows"),
        SettingDefinition(
            "diagnosis.kernel-log", .text, "what dmesg or journalctl -k writes: out-of-memory kills, NVIDIA's Xids"),
        SettingDefinition(
            "diagnosis.failure-node-errors", .text,
            "#texts# in number signs that say that the node has failed; also FAILURE_NODE_ERRORS"),
        SettingDefinition(
            "diagnosis.report-failures", .toggle, standard: "false",
            "tell DLRover masters of a diagnosed failure; not beside DLRover's own agent, which tells them itself"),
    ]

    /// Those of a master, each of which can also stand in the master's own entry.
    static let delivering = [
        SettingDefinition("job-uid", .printableText, "the job's id as a DLRover master knows it; also JOB_UID"),
        SettingDefinition(
            "delivery.deadline", .duration(min: .milliseconds(10)), standard: "10s",
            "how long a call to a master may take"),
        SettingDefinition(
            "delivery.join", .toggle, standard: "true", "join log metrics of a node into one report"),
        SettingDefinition(
            "delivery.content-size", .size(min: 1024), standard: "256KiB",
            "the most content of a report to DLRover: logs are joined up to it and split beyond, metrics pages trimmed"),
        SettingDefinition(
            "delivery.join-span", .duration(min: .seconds(1)), standard: "10s",
            "the most collection time that a joined report spans"),
        SettingDefinition(
            "delivery.max-message-size", .size(min: 1024), standard: "4MiB", "the largest message that a master takes"),
        SettingDefinition(
            "delivery.sample-slot", .duration(min: .zero, max: .seconds(3600)), standard: "60s",
            "how often a DLRover master gets an XPU_TIMER_METRIC of a node; the same for all nodes of a job; 0s: each one"
        ),
        SettingDefinition(
            "delivery.slim", .toggle, standard: "false",
            "send DLRover only those lines of an XPU_TIMER_METRIC that its hang detector reads"),
        SettingDefinition(
            "delivery.clock-tolerance", .duration(min: .zero, max: .seconds(3600)), standard: "60s",
            "what was collected further ahead of this node's clock is not sent to DLRover"),
        SettingDefinition(
            "delivery.heartbeat", .duration(min: .zero), standard: "0s",
            "how often DLRover gets a heartbeat in this node's name; 0s: never, as long as DLRover's own agent runs"),
        SettingDefinition(
            "delivery.batch-count", .number(1...1_000_000), standard: "1024", "the most envelopes in a batch"),
        SettingDefinition(
            "delivery.batch-size", .size(min: 1024), standard: "1MiB", "the most bytes in a batch, about"),
        SettingDefinition(
            "delivery.batch-time", .duration(min: .zero), standard: "1s", "how long a batch may wait to fill up"),
        SettingDefinition(
            "delivery.queue-size", .size(min: 256 << 10, max: 1 << 40), standard: "8MiB",
            "how much is held in memory for a master; the rest waits in the journal"),
        SettingDefinition(
            "delivery.from", .choice(["oldest", "now"]), standard: "oldest",
            "where a master begins that was never reported to"),
        SettingDefinition(
            "delivery.calls", .number(1...256), standard: "8", "the most calls under way at once to a master"),
        SettingDefinition(
            "delivery.time-to-live", .duration(min: .zero, max: .seconds(365 * 86400)),
            "what was collected longer ago is skipped; 0s: never; not set: 10m for DLRover, which drops older data, never for others"
        ),
        SettingDefinition(
            "delivery.time-to-live-by-type", .list(.typeDuration), "the same for single data types: XPU_TIMER_METRIC=5m"
        ),
        SettingDefinition(
            "delivery.catch-up-rate", .size(min: 0, max: 1 << 40), standard: "0",
            "how much of what waited longer than 5 s is sent in a second; 0: no limit"),
        SettingDefinition(
            "delivery.first-types", .list(.topicWord), standard: "STACK_TRACE", "data types that go before others"),
        SettingDefinition(
            "delivery.last-types", .list(.topicWord), standard: "TRAINING_LOG", "data types that go after others"),
        SettingDefinition(
            "delivery.breaker-failures", .number(1...1000), standard: "5",
            "after so many failures in a row a master's breaker opens"),
        SettingDefinition(
            "delivery.type-breaker-refusals", .number(1...1000), standard: "5",
            "after so many refusals in a row a data type is held back from a master"),
        SettingDefinition(
            "delivery.type-breaker-pause", .duration(min: .milliseconds(100)), standard: "30s",
            "how long it is held at first; twice as long each time, up to 10m"),
        SettingDefinition(
            "delivery.backoff-min", .duration(min: .milliseconds(1)), standard: "500ms",
            "the first pause after a master failed"),
        SettingDefinition(
            "delivery.backoff-max", .duration(min: .milliseconds(1)), standard: "30s", "the longest such pause"),
    ]

    static func definition(of key: String) -> SettingDefinition? {
        all.first { $0.key == key }
    }
}
