/// How NATS servers let this node in.
package struct NATSSettings: Sendable {
    package let user = Setting("delivery.nats-user", .printableText, "who NATS servers let in, with a password")
    package let passwordFile = Setting(
        "delivery.nats-password-file", .text, "a file whose first line is that user's password; nobody else may read it"
    )
    package let tokenFile = Setting(
        "delivery.nats-token-file", .text, "a file whose first line lets this node in at NATS servers")
    package let credentialsFile = Setting(
        "delivery.nats-credentials-file", .text, "a file with a JWT and the seed of its key for NATS, as `nsc` makes it"
    )
    package let nkey = Setting(
        "delivery.nats-nkey", .printableText,
        "the public key (U…) that NATS servers know; its seed is in nats-nkey-file")
    package let nkeyFile = Setting("delivery.nats-nkey-file", .text, "the file with that key's seed (SU…)")
}

/// What a stream of NATS JetStream is like that arobust makes.
package struct StreamSettings: Sendable {
    package let create = Setting(
        "delivery.stream-create", .toggle, default: true, "make a stream that is missing")
    package let replicas = Setting(
        "delivery.stream-replicas", .number(1...5), "on how many servers such a stream is; not set: 1")
    package let maxAge = Setting(
        "delivery.stream-max-age", .duration(min: .seconds(1), max: .year),
        "how long such a stream keeps a message; not set: for ever")
    package let maxSize = Setting(
        "delivery.stream-max-size", .size(min: 1 << 20, max: 1 << 50),
        "how much such a stream keeps before the oldest goes; not set: what the servers allow")
    package let duplicateWindow = Setting(
        "delivery.stream-duplicate-window", .duration(min: .milliseconds(100), max: .seconds(86400)),
        "how long such a stream knows the ids of messages; not set: 2m")
}
