internal import Diagnosis
package import Journal
package import Logging
internal import Redaction
internal import ZMQBridge

/// Every setting there is, in the order of `arobust config show`. A new one is one more property, here or in its group; nothing else lists
/// them.
///
/// Where a part of the process has a default itself, the setting takes it from there, so that it is stated once.
package struct SettingsCatalog: Sendable {
    static let standard = SettingsCatalog()

    /// The default is not stated here, since it depends on the user: `DefaultPaths`.
    package let stateDirectory = Setting(
        "state-dir", listOf: .text, "holds a publisher's sockets; bridge and tap take several")
    package let logLevel = Setting(
        "log-level", .choice(Logger.Level.allCases.map { ($0.rawValue, $0) }), default: .info,
        "how much is logged to standard error")
    package let logFormat = Setting(
        "log-format", .choice(LogFormat.allCases.map { ($0.rawValue, $0) }), default: .text,
        "how it is logged to standard error: text, a sentence a line, or json, an object a line")
    package let shutdownDeadline = Setting(
        "shutdown-deadline", .duration(min: .milliseconds(100)), default: .seconds(5),
        "how long after SIGTERM what is held may still be sent")
    package let parentPID = Setting(
        "parent-pid", .number(1...4_194_304), "agent and collect end when this process is no longer their parent")
    package let node = NodeSettings()
    package let connect = Setting("connect", listOf: .text, "further publishers' endpoints, for bridge and tap")
    package let connectServerKey = Setting(
        "connect-server-key", listOf: .text,
        "the public key of the publishers in connect at tcp://, as text or as a file that has it; one for all, or one for each"
    )
    package let connectKeyFile = Setting(
        "connect-key-file", .text,
        "the file of this process's own secret key for them (arobust keys new); nobody else may read it")
    package let publisher = PublisherSettings()
    package let journal = JournalSettings()
    package let consumersDirectory = Setting(
        "consumers-dir", .text, "where the cursors and ledgers of the masters are; not set: in the state directory")
    package let redact = Setting(
        "redact", listOf: .redaction,
        "what is taken out of contents before they are published: \(RedactionRule.names.joined(separator: ", ")), or {pattern, replacement, types}"
    )
    package let listen = Setting(
        "listen", listOf: .text,
        "where DLRover's own clients may report to the bus: dlrover+grpc://127.0.0.1:50051, dlrover+http://127.0.0.1:50052 or unix:/path; their other calls go to the first DLRover master"
    )
    package let listenAllow = Setting(
        "listen-allow", listOf: .text,
        "who may call at listen besides root and the agent's own user: user:NAME, group:NAME, uid:N, gid:N, or everyone"
    )
    package let telemetry = TelemetrySettings()
    package let http = HTTPSettings()
    package let logs = LogSettings()
    package let progress = TrainingSettings()
    package let metrics = MetricSettings()
    package let stacks = StackSettings()
    package let flightRecorder = FlightRecorderSettings()
    package let ras = RASSettings()
    package let events = EventSettings()
    package let diagnosis = DiagnosisSettings()
    package let incidents = IncidentSettings()
    package let jobUID = Setting("job-uid", .printableText, "the job's id as a DLRover master knows it; also JOB_UID")
    package let delivery = DeliverySettings()
}

/// `log-format`: what a line of arobust's own log is.
package enum LogFormat: String, CaseIterable, Sendable {
    case text, json
}

extension SettingsCatalog {
    /// All of them, found by reflection.
    static let all: [SettingDefinition] = definitions(in: standard)

    /// Those of a master, each of which can also stand in the master's own entry.
    static let ofMasters = all.filter { $0.masterOption != nil }

    /// The masters' URLs. Not a setting like the others, since each master's entry in the file can have its own options.
    static let masters = SettingDefinition(
        "masters", SettingFormat.text, isList: true, defaults: [], "masters to report to")

    static func definition(of key: String) -> SettingDefinition? {
        all.first { $0.key == key }
    }

    /// The default as it would be written, for a flag's help; empty if there is none.
    package static func defaultText<Value>(of path: SettingPath<Value>) -> String {
        standard[keyPath: path].definition.defaultTexts.joined(separator: ",")
    }

    private static func definitions(in group: Any) -> [SettingDefinition] {
        Mirror(reflecting: group).children.flatMap { child in
            (child.value as? any AnySetting).map { [$0.definition] } ?? definitions(in: child.value)
        }
    }
}

/// `node`: where metrics come from, unless they say so themselves.
package struct NodeSettings: Sendable {
    package let id = Setting(
        "node.id", .number(.min ... .max), default: NodeIdentity().id, "the node's id; also NODE_ID")
    package let type = Setting(
        "node.type", .topicWord, default: NodeIdentity().type, "the node's type; also NODE_TYPE")
    package let rank = Setting(
        "node.rank", .number(.min ... .max), default: NodeIdentity().rank,
        "the node's rank; also NODE_RANK or WORKER_RANK")
}

/// `publisher`: the bus.
package struct PublisherSettings: Sendable {
    package let highWaterMark = Setting(
        "publisher.high-water-mark", .number(1...1_000_000), default: PublisherConfiguration().highWaterMark,
        "how many envelopes may be queued for each consumer that does not read; it asks for the rest later")
    package let replayRate = Setting(
        "publisher.replay-rate", .size(min: 64 << 10, max: 1 << 40),
        default: PublisherConfiguration().replayBytesPerSecond,
        "how much all replays together may read in a second")
    package let consumers = Setting(
        "publisher.consumers", .number(1...10_000), default: PublisherConfiguration().consumers,
        "how many named consumers may have a cursor; each master is one")
    package let listen = Setting(
        "publisher.listen", .text,
        "where clients of the network may read the bus: tcp://0.0.0.0:5560, and the next port for replays; with CURVE keys only"
    )
    package let keyFile = Setting(
        "publisher.key-file", .text,
        "the file of the publisher's own secret key for them (arobust keys new); nobody else may read it")
    package let authorizedKeys = Setting(
        "publisher.authorized-keys", .text,
        "the file of the clients' public keys: in each line a key, a name, a comment")
}

/// `journal`: what the publisher keeps on disk.
package struct JournalSettings: Sendable {
    package let size = Setting(
        "journal.size", .size(min: 1 << 20, max: 1 << 50), default: JournalConfiguration().totalBytes,
        "how much the journal may hold; beyond, the oldest is evicted")
    package let maxAge = Setting(
        "journal.max-age", .duration(min: .seconds(1), max: .year),
        "how long the journal keeps what was published; not set: as long as there is room")
    package let laneReserve = Setting(
        "journal.lane-reserve", .size(min: 0, max: 1 << 50),
        "what other data types can't take from one; not set, and at most: an equal share of the size")
    package let segmentSize = Setting(
        "journal.segment-size", .size(min: 4096, max: 1 << 40), default: JournalConfiguration().segmentBytes,
        "the journal's unit of eviction; at most a sixteenth of its size")
    package let durability = Setting(
        "journal.durability", .choice([("process-crash", .processCrash), ("power-loss", .powerLoss)]),
        default: JournalConfiguration().durability,
        "what the journal survives: power-loss syncs the disk before each publication")
}

/// `telemetry`: the self-metrics.
package struct TelemetrySettings: Sendable {
    package let file = Setting(
        "telemetry.file", .metricsFile,
        "a second file to write the self-metrics to, in a folder that its readers may enter (node_exporter's)")
    package let fileMode = Setting(
        "telemetry.file-mode", .choice([("0644", 0o644), ("0640", 0o640), ("0600", 0o600)]), default: UInt32(0o644),
        "who may read that file: all, its group too, or its owner alone")
    package let labels = Setting(
        "telemetry.labels", listOf: .metricLabel,
        "labels of all self-metrics (job=7), to tell several publishers on a node apart")
}
