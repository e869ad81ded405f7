package import Delivery
package import Diagnosis
internal import MasterClients

/// `delivery`: how masters are reported to. Each can also stand in a master's own entry.
package struct DeliverySettings: Sendable {
    package let deadline = Setting(
        "delivery.deadline", .duration(min: .milliseconds(10)), default: MasterClientOptions().deadline,
        "how long a call to a master may take")
    package let join = Setting(
        "delivery.join", .toggle, default: MasterClientOptions().join, "join log metrics of a node into one report")
    package let contentSize = Setting(
        "delivery.content-size", .size(min: 1024), default: MasterClientOptions().contentBytes,
        "the most content of a report to DLRover: logs are joined up to it and split beyond, metrics pages trimmed")
    package let joinSpan = Setting(
        "delivery.join-span", .duration(min: .seconds(1)), default: MasterClientOptions().joinSpan,
        "the most collection time that a joined report spans")
    package let maxMessageSize = Setting(
        "delivery.max-message-size", .size(min: 1024), default: MasterClientOptions().maxMessageBytes,
        "the largest message that a master takes")
    package let sampleSlot = Setting(
        "delivery.sample-slot", .duration(min: .zero, max: .seconds(3600)), default: .seconds(60),
        "how often a DLRover master gets an XPU_TIMER_METRIC of a node; the same for all nodes of a job; 0s: each one")
    package let slim = Setting(
        "delivery.slim", .toggle, default: MasterClientOptions().slim,
        "send DLRover only those lines of an XPU_TIMER_METRIC that its hang detector reads")
    package let clockTolerance = Setting(
        "delivery.clock-tolerance", .duration(min: .zero, max: .seconds(3600)), default: MasterClientOptions().ahead,
        "what was collected further ahead of this node's clock is not sent to DLRover")
    package let heartbeat = Setting(
        "delivery.heartbeat", .duration(min: .zero), default: .zero,
        "how often DLRover gets a heartbeat in this node's name; 0s: never, as long as DLRover's own agent runs")
    package let tokenFile = Setting(
        "delivery.token-file", .text,
        "a file whose first line lets this node in at an arobust console; not set: AROBUST_CONSOLE_TOKEN, if that is")
    package let tlsCAFile = Setting(
        "delivery.tls-ca-file", .text,
        "authorities of masters that are reached over TLS, as PEM; not set: those of the system")
    package let tlsCertificateFile = Setting(
        "delivery.tls-certificate-file", .text,
        "the certificate that such a master is shown, as PEM, with those between it and its authority; not set: none")
    package let tlsKeyFile = Setting(
        "delivery.tls-key-file", .text, "its key, as PEM, without a passphrase; nobody else may read it")
    package let tlsServerName = Setting(
        "delivery.tls-server-name", .text,
        "the name that such a master's certificate must have; not set: the host of its URL")
    package let tlsRevocationFile = Setting(
        "delivery.tls-revocation-file", .text,
        "lists of the certificates that delivery.tls-ca-file has revoked (CRLs), as PEM; a list that has ended lets nobody in; not set: none"
    )
    package let httpProxy = Setting(
        "delivery.http-proxy", .text,
        "the HTTP proxy through which masters are reached (CONNECT): http://host:port; not set: none, whatever the environment says"
    )
    package let httpProxyCredentialsFile = Setting(
        "delivery.http-proxy-credentials-file", .text,
        "a file whose first line is the user:password that this proxy wants; nobody else may read it")
    package let nats = NATSSettings()
    package let stream = StreamSettings()
    package let otlp = OTLPSettings()
    package let batchCount = Setting(
        "delivery.batch-count", .number(1...1_000_000), default: DeliveryPolicy().batchCount,
        "the most envelopes in a batch")
    package let batchSize = Setting(
        "delivery.batch-size", .size(min: 1024), default: DeliveryPolicy().batchBytes,
        "the most bytes in a batch, about")
    package let batchTime = Setting(
        "delivery.batch-time", .duration(min: .zero), default: DeliveryPolicy().batchTime,
        "how long a batch may wait to fill up")
    package let spread = Setting(
        "delivery.spread", .duration(min: .zero, max: .seconds(3600)), default: DeliveryPolicy().startSpread,
        "over how long the nodes of a job spread their first reports after a start, each at its own moment; 0s: over batch-time alone"
    )
    package let queueSize = Setting(
        "delivery.queue-size", .size(min: 256 << 10, max: 1 << 40), default: DeliveryPolicy().queueBytes,
        "how much is held in memory for a master; the rest waits in the journal")
    package let from = Setting(
        "delivery.from", .choice([("oldest", .oldest), ("now", .now)]), default: DeliveryPolicy().firstStart,
        "where a master begins that was never reported to")
    package let calls = Setting(
        "delivery.calls", .number(1...256), default: DeliveryPolicy().callsUnderWay,
        "the most calls under way at once to a master")
    package let timeToLive = Setting(
        "delivery.time-to-live", .duration(min: .zero, max: .year),
        "what was collected longer ago is skipped; 0s: never; not set: 10m for DLRover, which drops older data, never for others"
    )
    package let timeToLiveByType = Setting(
        "delivery.time-to-live-by-type", listOf: .typeDuration, "the same for single data types: XPU_TIMER_METRIC=5m")
    package let catchUpRate = Setting(
        "delivery.catch-up-rate", .size(min: 0, max: 1 << 40), default: DeliveryPolicy().catchUpBytesPerSecond ?? 0,
        "how much of what waited longer than 5 s is sent in a second; 0: no limit")
    package let firstTypes = Setting(
        "delivery.first-types", listOf: .dataType, default: DeliveryPolicy().firstTypes,
        "data types that go before others")
    package let lastTypes = Setting(
        "delivery.last-types", listOf: .dataType, default: DeliveryPolicy().lastTypes, "data types that go after others"
    )
    package let breakerFailures = Setting(
        "delivery.breaker-failures", .number(1...1000), default: DeliveryPolicy().breakerFailures,
        "a master's breaker opens after this many failures in a row")
    package let typeBreakerRefusals = Setting(
        "delivery.type-breaker-refusals", .number(1...1000), default: DeliveryPolicy().typeBreakerRefusals,
        "a data type is held back from a master after this many refusals in a row")
    package let typeBreakerPause = Setting(
        "delivery.type-breaker-pause", .duration(min: .milliseconds(100)), default: DeliveryPolicy().typeBreakerPause,
        "how long it is held at first; twice as long each time, up to 10m")
    package let backoffMin = Setting(
        "delivery.backoff-min", .duration(min: .milliseconds(1)), default: DeliveryPolicy().backoff.min,
        "the first pause after a master failed")
    package let backoffMax = Setting(
        "delivery.backoff-max", .duration(min: .milliseconds(1)), default: DeliveryPolicy().backoff.max,
        "the longest such pause")
}
