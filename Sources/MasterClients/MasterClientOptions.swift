public import Diagnosis
package import JetStream

/// How to report to a master. The defaults suit DLRover 0.4 to 0.7.
public struct MasterClientOptions: Hashable, Sendable {
    /// The job that this node belongs to (DLRover's `JOB_UID`), in printable ASCII. A master of another job refuses everything; every master
    /// accepts an empty one.
    public var jobUID = ""
    /// How long one call may take, from connecting to the last byte of the answer.
    public var deadline: Duration = .seconds(10)
    /// How long connecting to a master may take.
    public var connectTimeout: Duration = .seconds(5)
    /// Whether consecutive training logs of one node are joined into one report to DLRover.
    public var join = true
    /// The most content of one report, in bytes of escaped JSON: logs are joined up to it and split beyond it, metrics pages are trimmed.
    /// Other types are sent whole.
    public var contentBytes = 256 * 1024
    /// The longest time between the collection of the first and the last metric that are joined.
    public var joinSpan: Duration = .seconds(10)
    /// The largest message (DLRover's `elastic.Message`) that is sent, in bytes. The default is what a master of 0.5 or 0.6 accepts over gRPC.
    public var maxMessageBytes = 4 * 1024 * 1024
    /// How long ago a metric may have been collected for a DLRover master to be sent it; `nil` or zero: however long.
    public var oldest: Duration? = .seconds(600)
    /// The same for single data types, instead of `oldest`: a training's events go however old they are, since a master takes a step whose end is
    /// missing for one that hangs.
    public var oldestByType: [DiagnosisDataType: Duration] = [.trainingEvent: .zero]
    /// How far ahead of this node's clock the time of collection may be.
    public var ahead: Duration = .seconds(60)
    /// Whether a DLRover master gets only those lines of an XPUTimer page that its hang detector reads.
    public var slim = false
    /// What lets this node in at an arobust console, in printable ASCII without spaces; never sent to DLRover.
    public var token: String?
    /// What checks the certificate of a master that is reached over TLS, and which one it is shown.
    public var tls = MasterTLSOptions()
    /// The HTTP proxy through which a master on the network is reached; `nil`: none, whatever the environment says.
    public var proxy: MasterProxy?
    /// What is special to OTLP receivers.
    public var otlp = OTLPOptions()
    /// How a stream of NATS JetStream is reported to. The job, the deadlines and the files for TLS are taken from the properties above.
    package var stream = JetStreamOptions()
    /// The `user-agent` that DLRover's masters see. Printable ASCII.
    public var userAgent = "arobust/" + ProductVersion.text

    /// Makes the defaults.
    public init() {}

    /// - Throws: `MasterClientOptionsError` for the first value that cannot be used.
    func check() throws(MasterClientOptionsError) {
        func isPrintable(_ text: String) -> Bool { text.utf8.allSatisfy { (0x20...0x7E).contains($0) } }
        func require(_ condition: Bool, _ option: String, _ allowed: String) throws(MasterClientOptionsError) {
            guard condition else { throw MasterClientOptionsError(option: option, allowed: allowed) }
        }
        try require(isPrintable(jobUID), "jobUID", "printable ASCII")
        try require(isPrintable(userAgent), "userAgent", "printable ASCII")
        try require(
            (token ?? "x").utf8.allSatisfy { (0x21...0x7E).contains($0) }, "token", "printable ASCII without spaces")
        try require(deadline >= .milliseconds(1) && deadline <= .seconds(86400), "deadline", "from 1 ms to one day")
        try require(
            connectTimeout >= .milliseconds(1) && connectTimeout <= .seconds(86400), "connectTimeout",
            "from 1 ms to one day")
        try require(contentBytes >= 256, "contentBytes", "256 or more")
        try require((oldest ?? .zero) >= .zero, "oldest", "0 or more")
        try require(oldestByType.values.allSatisfy { $0 >= .zero }, "oldestByType", "0 or more")
        try require(ahead >= .zero && ahead <= .seconds(86400), "ahead", "from 0 to one day")
        try require(joinSpan >= .zero, "joinSpan", "0 or more")
        try require((1024...0x4000_0000).contains(maxMessageBytes), "maxMessageBytes", "from 1 KiB to 1 GiB")
    }
}

extension MasterClientOptions {
    /// What a connection to a stream needs of these.
    package var jetStream: JetStreamOptions {
        var options = stream
        options.job = jobUID
        options.name = userAgent
        options.deadline = deadline
        options.connectTimeout = connectTimeout
        options.authoritiesPath = tls.authoritiesPath
        options.certificatePath = tls.certificatePath
        options.keyPath = tls.keyPath
        options.serverName = tls.serverName
        return options
    }
}

/// Files for masters that are reached over TLS, as PEM. They are read again for the next connection once they have changed.
public struct MasterTLSOptions: Hashable, Sendable {
    /// The authorities that may have signed the master's certificate; `nil`: those of the system.
    public var authoritiesPath: String?
    /// The certificate that is shown to the master, with those between it and its authority behind it; `nil`: none.
    public var certificatePath: String?
    /// Its key, without a passphrase.
    public var keyPath: String?
    /// The name that the master's certificate must have; `nil`: the host of its URL.
    public var serverName: String?
    /// Lists of the certificates that the authorities have revoked. Then each certificate must be in the reach of one that still holds, and
    /// `authoritiesPath` must be there; `nil`: none is looked for.
    public var revocationsPath: String?

    /// Makes the defaults.
    public init() {}
}

/// A value of `MasterClientOptions` cannot be used.
public struct MasterClientOptionsError: Error, Hashable, CustomStringConvertible {
    /// The property's name.
    public let option: String
    /// What is allowed, to follow "must be".
    public let allowed: String

    public var description: String { "the option \(option) of a master's client must be \(allowed)" }
}
