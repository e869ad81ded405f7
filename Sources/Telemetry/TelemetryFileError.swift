/// Why the file of self-metrics could not be written.
struct TelemetryFileError: Error, Equatable, CustomStringConvertible {
    let action: String
    let path: String
    let reason: String

    var description: String { "can't \(action) \(path): \(reason)" }
}
