/// A setting that stops the start: where it is, and what is allowed there.
public struct SettingsError: Error, Hashable, CustomStringConvertible {
    /// The flag, the environment variable, or the file with its line.
    public let place: String
    public let reason: String

    public var description: String { "\(place): \(reason)" }
}
