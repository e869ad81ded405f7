private import SystemSupport

/// A text does not name a master.
public struct MasterURLError: Error, Hashable, CustomStringConvertible {
    /// The forms that name a master.
    package static let allowed =
        "dlrover+grpc://host:port (or just host:port), dlrover+http://host:port, arobust://host:port, otlp+grpc://host:port, otlp+http://host:port[/path], each also over TLS (dlrover+grpcs, dlrover+https, arobusts, otlp+grpcs, otlp+https), file:///path.ndjson, stdout:"

    /// The text that was given.
    public let text: String
    /// The environment variable that `text` comes from, if it does.
    public let variable: String?
    /// What is wrong with it.
    public let reason: String

    init(text: String, variable: String? = nil, reason: String) {
        self.text = text
        self.variable = variable
        self.reason = reason
    }

    public var description: String {
        let shown = SecretText.line(text)
        return if let variable {
            "environment variable \(variable) is '\(shown)': \(reason)"
        } else {
            "'\(shown)' names no master: \(reason); allowed are \(Self.allowed)"
        }
    }
}
