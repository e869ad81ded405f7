/// A stream of NATS JetStream: its servers and its name.
package struct StreamAddress: Hashable, Sendable {
    /// `host:port` of each server, IPv6 addresses in brackets.
    package var servers: [String]
    /// The stream's name, and the first word of its subjects.
    package var stream: String
    /// Whether its servers are reached over TLS.
    package var isSecure: Bool

    package init(servers: [String], stream: String, isSecure: Bool = false) {
        self.servers = servers
        self.stream = stream
        self.isSecure = isSecure
    }

    /// The longest name that a server takes for a stream.
    static let longestName = 255

    /// Whether a server takes it as the name of a stream, and it can be the first word of a subject.
    package static func isValid(stream name: String) -> Bool {
        (1...longestName).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20) || (0x30...0x39).contains($0)
                    || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
            }
    }
}

/// How to report to a stream.
package struct JetStreamOptions: Hashable, Sendable {
    /// Who the servers let in.
    package enum Credentials: Hashable, Sendable {
        case none
        case user(String, password: String)
        case token(String)
        /// A file with a JWT and the seed of its key, as `nsc` makes it.
        case file(String)
        /// The public half of a key, and the file with its seed.
        case nkey(String, seedPath: String)
    }

    /// What a stream is made with, and compared with if it is there. `nil`: as the server has it.
    package struct Stream: Hashable, Sendable {
        /// Whether it is made if it is missing.
        package var isMade = true
        package var replicas: Int?
        package var maxAge: Duration?
        package var maxBytes: Int64?
        /// How long the server knows the ids of messages.
        package var duplicateWindow: Duration?

        package init() {}
    }

    /// The job, for the subjects; empty: none is known.
    package var job = ""
    /// What the server shows of the connection.
    package var name = "arobust"
    package var credentials = Credentials.none
    package var stream = Stream()
    /// How long an answer may take.
    package var deadline: Duration = .seconds(10)
    package var connectTimeout: Duration = .seconds(5)
    /// Whether each message is written at once, for who waits for its answer, and not within a millisecond, together with others.
    package var sendsAtOnce = false
    /// PEM files for TLS; `nil`: the system's authorities, no certificate, the server's own name.
    package var authoritiesPath: String?
    package var certificatePath: String?
    package var keyPath: String?
    package var serverName: String?

    package init() {}
}
