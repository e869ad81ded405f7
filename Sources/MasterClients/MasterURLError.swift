/// A text that names no master.
public struct MasterURLError: Error, Hashable, CustomStringConvertible {
    /// What a master may be named by.
    public static let allowed =
        "dlrover+grpc://host:port (or just host:port), dlrover+http://host:port, file:///path.ndjson, stdout:"

    public let text: String
    /// The environment variable that `text` is from, if it is from one.
    public let variable: String?
    public let reason: String

    init(text: String, variable: String? = nil, reason: String) {
        self.text = text
        self.variable = variable
        self.reason = reason
    }

    public var description: String {
        if let variable {
            "environment variable \(variable) is '\(text)': \(reason)"
        } else {
            "'\(text)' names no master: \(reason); allowed are \(Self.allowed)"
        }
    }
}
